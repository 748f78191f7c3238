/**
 * Which files of a repository this library needs, and whether a folder has them all. Weights are those at the top of the repository:
 * safetensors if there are any, since pickles are slower to read and carry less information.
 */
import { UsageError } from '../base/errors.ts';

const PLAIN = new Set([
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'tokenizer.model',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'vocab.txt',
  'merges.txt',
  'chat_template.jinja',
  'chat_template.json',
]);

/** Layouts of weights in order of preference: one file, or else shards with an index. */
const LAYOUTS = [
  { single: 'model.safetensors', usualShard: /^model-\d+-of-\d+\.safetensors$/, shard: /\.safetensors$/ },
  { single: 'pytorch_model.bin', usualShard: /^pytorch_model-\d+-of-\d+\.bin$/, shard: /^pytorch_model.*\.bin$/ },
] as const;

export interface WantedFiles {
  /** Config, tokenizer, indices: small, fetched first. */
  readonly small: string[];
  /** Fetched last, so that a folder that has its weights has the rest. */
  readonly weights: string[];
}

/** Both lists sorted, with nothing twice; neither has a file that is not among the names. */
export function wantedFiles(names: readonly string[]): WantedFiles {
  const top = [...new Set(names)].filter((name) => !name.includes('/')).sort();
  const { weights, index } = weightsAmong(top);
  return { small: top.filter((name) => PLAIN.has(name) || name === index), weights };
}

/** The weight files among these names. Throws UsageError when there are none. */
export function weightsOf(repo: string, names: readonly string[]): string[] {
  const { weights } = wantedFiles(names);
  if (weights.length > 0) return weights;
  throw new UsageError(
    `${repo} has no weights that this library reads: wanted *.safetensors or pytorch_model*.bin at its top; ` +
      `it has ${names.slice(0, 10).join(', ') || 'no files'}${names.length > 10 ? ', …' : ''}.`,
  );
}

function weightsAmong(top: readonly string[]): { weights: string[]; index?: string } {
  for (const { single, usualShard, shard } of LAYOUTS) {
    const index = `${single}.index.json`;
    if (top.includes(single)) return { weights: [single] };
    if (!top.includes(index)) continue;
    // Other weight files beside shards of the usual names (adapters, `consolidated`) are not part of the model.
    const usual = top.filter((name) => usualShard.test(name));
    return { weights: usual.length > 0 ? usual : top.filter((name) => shard.test(name)), index };
  }
  // Left to those who read them: a name that none expects, or shards whose index is missing.
  const found = LAYOUTS.map(({ shard }) => top.filter((name) => shard.test(name)));
  return { weights: found.find((names) => names.length > 0) ?? [] };
}

/** The files that a folder with these names lacks; empty when it is complete. `shards`: the files that its index lists, if it has one. */
export function missingFiles(names: readonly string[], shards: readonly string[], wantWeights: boolean): string[] {
  const has = new Set(names);
  const { small, weights } = wantedFiles(names);
  if (!wantWeights) return small.length > 0 ? [] : ['config.json'];
  const needed = new Set(['config.json', ...shards]);
  for (const name of weights) for (const sibling of siblingsOf(name)) needed.add(sibling);
  const missing = [...needed].filter((name) => !has.has(name));
  return weights.length > 0 ? missing : [...missing, 'model.safetensors or pytorch_model.bin'];
}

/** `model-00002-of-00003.safetensors` -> all three */
function siblingsOf(name: string): string[] {
  const [, start, digits = '', count, rest] = /^(.*-)(\d+)-of-(\d{1,5})(\..*)$/.exec(name) ?? [];
  if (count === undefined) return [name];
  const shard = (i: number) => `${start}${String(i + 1).padStart(digits.length, '0')}-of-${count}${rest}`;
  return Array.from({ length: Number(count) }, (_, i) => shard(i));
}
