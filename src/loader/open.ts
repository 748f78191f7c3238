/** From a folder of files to a model whose every tensor is accounted for, before any memory is taken for its weights. */
import { type Checkpoint, openCheckpoint, readJson } from '../checkpoint/checkpoint.ts';
import { type Folder, readText } from '../checkpoint/source.ts';
import { CheckpointError } from '../errors.ts';
import { ConfigReader, type JsonObject } from '../models/config.ts';
import { familyOf } from '../models/index.ts';
import type { LanguageModel } from '../models/model.ts';
import { checkOptions, type Kinds, kinds, oneOf } from '../options.ts';
import type { GenerationConfig, GenerationDefaults } from '../sampler/generation-config.ts';
import { createTokenizerFromFiles } from '../tokenizer/older-files.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { AUTO_FORMATS, WEIGHT_FORMATS, type WeightFormat } from './formats.ts';
import { openGenerationDefaults } from './generation-config.ts';
import { Plan } from './plan.ts';
import { ternaryScaleOf, unpackedOf } from './quantization.ts';

export interface OpenOptions {
  /** Format of the weights in memory; default `auto`. */
  readonly weights?: WeightFormat | undefined;
  /** What `auto` may take for weights; more, and they are kept in a smaller format. */
  readonly memoryBytes?: number | undefined;
  /** Keys of config.json to pass over although they are not understood. */
  readonly ignoreConfigKeys?: readonly string[] | undefined;
  /** Keys of config.json to replace, such as { tie_word_embeddings: false }. */
  readonly config?: JsonObject | undefined;
  /** Keys of generation_config.json to replace, such as { repetition_penalty: 1 }; false leaves its defaults out. */
  readonly generationConfig?: GenerationConfig | false | undefined;
  /** Where the tokenizer is, when not beside the weights. */
  readonly tokenizerFolder?: Folder | undefined;
  /** Told what is odd about the files but no error. */
  readonly onWarning?: OnWarning | undefined;
}

export type OnWarning = (message: string) => void;

export const OPEN_KINDS: Kinds<OpenOptions> = {
  weights: oneOf(WEIGHT_FORMATS),
  memoryBytes: kinds.amount,
  ignoreConfigKeys: kinds.texts,
  config: kinds.object,
  generationConfig: kinds.objectOrFalse,
  tokenizerFolder: kinds.object,
  onWarning: kinds.call,
};

export interface OpenedModel {
  readonly family: string;
  readonly config: JsonObject;
  readonly checkpoint: Checkpoint;
  readonly plan: Plan;
  readonly model: LanguageModel;
  readonly weights: WeightFormat;
  readonly tokenizer: Tokenizer | undefined;
  /** Where the tokenizer was found, when that is not beside the weights. */
  readonly tokenizerFolder: Folder | undefined;
  /** Ids after which generation ends. */
  readonly endIds: ReadonlySet<number>;
  /** What generation does unless options say otherwise. */
  readonly generation: GenerationDefaults;
  /** The formats that suit this checkpoint. */
  readonly formats: readonly WeightFormat[];
  /** Bytes of the weights if they were kept in another of these formats. */
  bytesIn(weights: WeightFormat): number;
}

/** config.json files are a few kilobytes; tokenizer.json of a vocabulary of 2^18 is near 30 MB. */
const MAX_CONFIG_BYTES = 4 << 20;
const MAX_TOKENIZER_BYTES = 128 << 20;

/** Reads config, headers and tokenizer. Throws UsageError on a bad option, CheckpointError when anything is missing, left over, or of another shape. */
export async function openModel(folder: Folder, options: OpenOptions = {}): Promise<OpenedModel> {
  checkOptions('openModel', options, OPEN_KINDS);
  const stored = await readJson(folder, 'config.json', MAX_CONFIG_BYTES);
  if (!stored) {
    const hint = folder.hint?.() ?? 'is it the folder of a Hugging Face checkpoint?';
    throw new CheckpointError(`${folder.name} has no config.json: ${hint}`);
  }
  const family = familyOf(stored);
  const config = { ...(family.translate?.(stored) ?? stored), ...options.config };
  const reader = new ConfigReader(config);
  reader.ignore(...(options.ignoreConfigKeys ?? []));
  const facts = family.configure(reader);
  reader.finish();
  const ternaryScale = ternaryScaleOf(config);
  const unpacked = unpackedOf(config);
  const checkpoint = await openCheckpoint(folder);
  try {
    const declare = (weights: WeightFormat) => {
      const plan = new Plan(family, checkpoint.tensors, family.copies(facts), { weights, ternaryScale, unpacked });
      const model = family.build(facts, plan.weights);
      plan.finish();
      return { plan, model, weights };
    };
    const chosen = declareFitting(declare, options);
    const named = await openTokenizer(options.tokenizerFolder, options.onWarning);
    const tokenizer = named ?? (await openTokenizer(folder, options.onWarning));
    const generation = await openGenerationDefaults(folder, stored, options.generationConfig);
    if (generation.unsupported.length > 0) options.onWarning?.(unsupportedWarning(generation));
    const endIds = endIdsOf(generation.endIds ?? config.eos_token_id, tokenizer);
    const bytesIn = (weights: WeightFormat) => declare(weights).plan.bytes;
    return {
      family: family.name,
      config,
      checkpoint,
      tokenizer,
      tokenizerFolder: named && options.tokenizerFolder,
      endIds,
      generation,
      bytesIn,
      formats: WEIGHT_FORMATS.filter((format) => chosen.plan.suits(format)),
      ...chosen,
    };
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
}

/** In the format that is asked for; for `auto` in the first that fits, or in the smallest. */
function declareFitting<D extends { readonly plan: Plan }>(
  declare: (weights: WeightFormat) => D,
  { weights = 'auto', memoryBytes = Number.POSITIVE_INFINITY }: OpenOptions,
): D {
  const [first, ...smaller] = weights === 'auto' ? AUTO_FORMATS : [weights];
  let chosen = declare(first as WeightFormat);
  for (const format of smaller.filter((format) => chosen.plan.suits(format))) {
    if (chosen.plan.bytes <= memoryBytes) break;
    chosen = declare(format);
  }
  return chosen;
}

/** Of the model that a config.json describes; undefined when there is none. */
export async function familyNameOf(folder: Folder): Promise<string | undefined> {
  const config = await readJson(folder, 'config.json', MAX_CONFIG_BYTES);
  return config && familyOf(config).name;
}

/** Undefined when there is none. */
export async function openTokenizer(folder: Folder | undefined, onWarning?: OnWarning): Promise<Tokenizer | undefined> {
  if (!folder) return undefined;
  const json = (file: string) => readJson(folder, file, MAX_TOKENIZER_BYTES);
  const tokenizer = await json('tokenizer.json');
  const merges = tokenizer ? undefined : await readText(folder, 'merges.txt', MAX_TOKENIZER_BYTES);
  const vocab = merges === undefined ? undefined : await json('vocab.json');
  if (!tokenizer && !vocab) return undefined;
  const config = await json('tokenizer_config.json');
  // A config that lists added tokens says all that the two older files do.
  const isWhole = config?.added_tokens_decoder !== undefined;
  const specialTokensMap = isWhole ? undefined : await json('special_tokens_map.json');
  const addedTokens = isWhole ? undefined : await json('added_tokens.json');
  return createTokenizerFromFiles({ tokenizer, config, specialTokensMap, addedTokens, vocab, merges }, onWarning);
}

/** Names that end a text in the vocabularies of the four families; base models end with these whatever their config says. */
const END_OF_TEXT = new Set(['<|endoftext|>', '<|end_of_text|>']);

/** `named` is what generation_config.json says, or else config.json; a tokenizer's own end-of-text counts in any case. */
function endIdsOf(named: unknown, tokenizer: Tokenizer | undefined): Set<number> {
  const ends = [...(tokenizer?.specialIds ?? [])].filter((id) => END_OF_TEXT.has(tokenizer?.piece(id) ?? ''));
  const all = [named, tokenizer?.eosId, ends].flat();
  return new Set(all.filter((id): id is number => Number.isInteger(id)));
}

function unsupportedWarning({ source, unsupported }: GenerationDefaults): string {
  return `${source} sets ${unsupported.join(', ')}, which this library does not do: transformers makes other texts with it.`;
}
