/**
 * Which files of a repository this library reads, and whether a folder has them all. Weights are those at the top of
 * the repository: safetensors where there are any, because reading a pickle costs more and says less.
 */

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

/** The usual names; what else is there (adapters, `consolidated`, other precisions) is then not the model. */
const USUAL = /^model(?:-\d+-of-\d+)?\.safetensors$/;

export interface WantedFiles {
  /** Config, tokenizer, indices: small, fetched first. */
  readonly small: string[];
  /** Fetched last, so that a folder that has its weights has the rest. */
  readonly weights: string[];
}

/** Both lists sorted, with nothing twice; neither has a file that is not among the names. */
export function wantedFiles(names: readonly string[]): WantedFiles {
  const top = [...new Set(names)].filter((name) => !name.includes('/')).sort();
  const usual = top.filter((name) => USUAL.test(name));
  const safetensors = usual.length > 0 ? usual : top.filter((name) => name.endsWith('.safetensors'));
  const pickles = top.filter((name) => /^pytorch_model.*\.bin$/.test(name));
  const named = usual.length > 0 || top.includes('model.safetensors.index.json');
  const weights = safetensors.length > 0 && (named || pickles.length === 0) ? safetensors : pickles;
  const index = weights === safetensors ? 'model.safetensors.index.json' : 'pytorch_model.bin.index.json';
  return { small: top.filter((name) => PLAIN.has(name) || (weights.length > 0 && name === index)), weights };
}

/**
 * What a folder with these files lacks to be used without the hub; empty when nothing.
 * `shards` are the files that its index names, if it has one.
 */
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
