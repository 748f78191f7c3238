/** Opens a checkpoint: from a folder of files to a model with every tensor accounted for, before memory is allocated for its weights. */

import { CheckpointError } from '../base/errors.ts';
import { type Checkpoint, openCheckpoint, readJson } from '../checkpoint/checkpoint.ts';
import { otherFiles } from '../checkpoint/other-files.ts';
import { type Folder, readText } from '../checkpoint/source.ts';
import { ConfigReader, type JsonObject } from '../models/config.ts';
import { familyOf } from '../models/index.ts';
import type { LanguageModel } from '../models/model.ts';
import { checkOptions } from '../options/check.ts';
import { call, jsonObject, kinds, type OptionsOf, oneOf, option, ownKind } from '../options/option.ts';
import { GENERATION_CONFIG, type GenerationDefaults } from '../sampler/generation-config.ts';
import type { ChatTemplate } from '../tokenizer/chat-template.ts';
import { createTokenizerFromFiles } from '../tokenizer/older-files.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { openChatTemplate } from './chat-template.ts';
import { declareFitting, formatsThatFit } from './fitting.ts';
import { WEIGHT_FORMATS, type WeightFormat } from './formats.ts';
import { openGenerationDefaults } from './generation-config.ts';
import { chooseHead, TIED_HEADS, type TiedHead } from './head.ts';
import { checkLeftovers } from './leftovers.ts';
import { missingTensor, renamed, withoutIgnored } from './names.ts';
import { Plan, type Rounding } from './plan.ts';
import { ternaryNormOf, ternaryScaleOf, unpackedOf } from './quantization.ts';

export type OnWarning = (message: string) => void;

export const OPEN_OPTIONS = {
  /** Format of the weights in memory; default `auto`. */
  weights: option(
    oneOf<WeightFormat>(WEIGHT_FORMATS),
    'format of the weights in memory; auto: as stored, if that fits',
    'auto',
  ),
  /** Most bytes that `auto` may use for weights; if they need more, a smaller format is chosen. */
  memoryBytes: kinds.bytes,
  /** Most bytes of one tensor: a limit of the backend that will be used. */
  maxTensorBytes: kinds.bytes,
  /** Unknown keys of config.json to ignore. */
  ignoreConfigKeys: option(kinds.texts, 'keys of config.json to ignore'),
  /** Tensors of the checkpoint to ignore although the model may need them: names in the files, `*` for any part. */
  ignoreTensors: option(kinds.texts, 'tensors of the checkpoint to ignore, * for any part'),
  /**
   * The head of a model whose config.json ties it to the embedding: `stored` or `embedding`. Default, as in transformers 5: the stored
   * head, if there is one and it differs from the embedding.
   */
  tiedHead: option(
    oneOf<TiedHead>(TIED_HEADS),
    'the head, where config.json ties it to the embedding (default: the stored one where there is one that differs)',
  ),
  /** Keys of config.json to replace, such as { tie_word_embeddings: false }. */
  config: jsonObject<JsonObject>(),
  /** Keys of generation_config.json to replace, such as { repetition_penalty: 1 }; false drops all its defaults. */
  generationConfig: GENERATION_CONFIG,
  /** Folder of the tokenizer, when it is not with the weights. */
  tokenizerFolder: ownKind<Folder>(
    'a folder',
    (value) => typeof value === 'object' && value !== null && 'open' in value,
  ),
  /** Called with warnings about the files. */
  onWarning: call<OnWarning>(),
  /** For training with lambda: linear maps, whose weights stay dense, can be rounded to 1.58 bits in a pass (`OpenedModel.rounding`). */
  roundsLinears: option(kinds.flag, 'for training with lambda: linear maps can be rounded to 1.58 bits', false),
  signal: kinds.signal,
};

export interface OpenOptions extends OptionsOf<typeof OPEN_OPTIONS> {}

/** How other names of parameters and those of the model go together. */
export interface ModelNames {
  /** The model's name for a stored one; undefined for buffers that are not needed. */
  fromStored(name: string): string | undefined;
  /** The name in the reference implementation for one of the model. */
  inReference(name: string): string;
}

/**
 * A checkpoint whose config, tokenizer and tensor headers were read and checked, but not its weights. Its files stay open until it is
 * loaded, or closed by `checkpoint.close()`.
 */
export interface OpenedModel {
  readonly family: string;
  /** config.json with transformers' key names, and with the replacements of `options.config`. */
  readonly config: JsonObject;
  /** Changes that config.json needs in a saved copy of this model. */
  readonly configChanges: JsonObject;
  readonly checkpoint: Checkpoint;
  /** Which stored tensors become which tensors in memory. */
  readonly plan: Plan;
  /** How far linear maps are rounded in the next pass, 0 to 1; undefined unless the model was opened with `roundsLinears`. */
  readonly rounding: Rounding | undefined;
  readonly names: ModelNames;
  /** The model: facts, sites, forward pass. */
  readonly model: LanguageModel;
  /** The requested format, or the one that `auto` chose. */
  readonly weights: WeightFormat;
  readonly tokenizer: Tokenizer | undefined;
  /** Hub id of the tokenizer to use when the checkpoint has none. */
  readonly usualTokenizer: string | undefined;
  /** Folder of the tokenizer, when it is not with the weights. */
  readonly tokenizerFolder: Folder | undefined;
  /**
   * The chat template that belongs to the tokenizer; undefined when there is none. Read when it is first asked for. Throws as openChatTemplate
   * does.
   */
  chatTemplate(): Promise<ChatTemplate | undefined>;
  /** Ids after which generation ends. */
  readonly endIds: ReadonlySet<number>;
  /** Defaults of generation. */
  readonly generation: GenerationDefaults;
  /** The formats that suit this checkpoint. */
  readonly formats: readonly WeightFormat[];
  /** Bytes of the weights in one of these formats. */
  bytesIn(weights: WeightFormat): number;
}

/** config.json files are a few kilobytes; tokenizer.json of a vocabulary of 2^18 is near 30 MB. */
export const MAX_CONFIG_BYTES = 4 << 20;
const MAX_TOKENIZER_BYTES = 128 << 20;

/**
 * Reads config, tensor headers and tokenizer. Throws UsageError on a bad option, CheckpointError when a tensor is missing, unknown, or of
 * the wrong shape.
 */
export async function openModel(folder: Folder, options: OpenOptions = {}): Promise<OpenedModel> {
  checkOptions('openModel', options, OPEN_OPTIONS);
  const stored = await readJson(folder, 'config.json', MAX_CONFIG_BYTES);
  if (!stored) throw await noConfig(folder);
  const family = familyOf(stored);
  const config = { ...(family.translate?.(stored) ?? stored), ...options.config };
  const reader = new ConfigReader(config);
  reader.ignore(...(options.ignoreConfigKeys ?? []));
  noteAbsentKeys(config, options);
  const facts = family.configure(reader);
  reader.finish(options.onWarning);
  const ternaryScale = ternaryScaleOf(config);
  const ternaryNorm = ternaryNormOf(config);
  const unpacked = unpackedOf(config, { roundsLater: options.roundsLinears ?? false });
  const checkpoint = await openCheckpoint(folder, options.onWarning);
  try {
    const { tensors: all, absent } = checkpoint;
    const tensors = renamed(family, withoutIgnored(all, options.ignoreTensors).values());
    const head = await chooseHead(family, facts, tensors, options);
    const missing = missingTensor(family, [...all.keys()], absent);
    const rounding = options.roundsLinears ? { lambda: 0 } : undefined;
    const declare = (weights: WeightFormat) => {
      const plan = new Plan(tensors, family.copies(head.config), {
        weights,
        ternaryScale,
        ternaryNorm,
        unpacked,
        rounding,
        missing,
      });
      const model = family.build(head.config, plan.weights);
      plan.finish();
      return { plan, model, weights };
    };
    const chosen = declareFitting(declare, options);
    await checkLeftovers(chosen.plan.unread, options.onWarning);
    const named = await openTokenizer(options.tokenizerFolder, options.onWarning);
    const tokenizer = named ?? (await openTokenizer(folder, options.onWarning));
    const generation = await openGenerationDefaults(folder, stored, options.generationConfig);
    if (generation.unsupported.length > 0) options.onWarning?.(unsupportedWarning(generation));
    const endIds = endIdsOf(generation.endIds ?? config.eos_token_id, tokenizer);
    const bytesIn = (weights: WeightFormat) => declare(weights).plan.bytes;
    const templateFolder = (named && options.tokenizerFolder) ?? folder;
    let template: Promise<ChatTemplate | undefined> | undefined;
    return {
      family: family.name,
      usualTokenizer: family.usualTokenizer,
      config,
      configChanges: { ...options.config, ...(head.tied === undefined ? {} : { tie_word_embeddings: head.tied }) },
      checkpoint,
      rounding,
      names: {
        fromStored: (name) => family.rename(name),
        inReference: (name) => family.parameterName?.(name) ?? family.storedName?.(name) ?? name,
      },
      tokenizer,
      tokenizerFolder: named && options.tokenizerFolder,
      chatTemplate: () =>
        (template ??= openChatTemplate(templateFolder).catch((error: unknown) => {
          template = undefined; // a download may succeed the next time
          throw error;
        })),
      endIds,
      generation,
      bytesIn,
      ...chosen,
      // Lazy, because it declares the model once more for each format.
      get formats() {
        return formatsThatFit(declare, chosen, options);
      },
    };
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
}

async function noConfig(folder: Folder): Promise<CheckpointError> {
  const names = await folder.list();
  const found = names.length > 0 ? ` It has ${names.slice(0, 20).join(', ')}.` : '';
  const hint = folder.hint?.() ?? 'is it the folder of a Hugging Face checkpoint?';
  return new CheckpointError(`${folder.name} has no config.json: ${hint}${found} ${otherFiles(names)}`.trimEnd());
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
  // The two older files add nothing to a config that lists added tokens.
  const isWhole = config?.added_tokens_decoder !== undefined;
  const specialTokensMap = isWhole ? undefined : await json('special_tokens_map.json');
  const addedTokens = isWhole ? undefined : await json('added_tokens.json');
  return createTokenizerFromFiles({ tokenizer, config, specialTokensMap, addedTokens, vocab, merges }, onWarning);
}

/** Tokens that end a text in the vocabularies of the supported families; base models stop at these whatever their config says. */
const END_OF_TEXT = new Set(['<|endoftext|>', '<|end_of_text|>']);

/** `named`: the ids in generation_config.json, or else config.json. The tokenizer's end-of-text token is always added. */
function endIdsOf(named: unknown, tokenizer: Tokenizer | undefined): Set<number> {
  const ends = [...(tokenizer?.specialIds ?? [])].filter((id) => END_OF_TEXT.has(tokenizer?.piece(id) ?? ''));
  const all = [named, tokenizer?.eosId, ends].flat();
  return new Set(all.filter((id): id is number => Number.isInteger(id)));
}

function unsupportedWarning({ source, unsupported }: GenerationDefaults): string {
  return `${source} sets ${unsupported.join(', ')}, which this library does not do: transformers makes other texts with it.`;
}

/** Warns of keys to ignore that do not exist: they may be misspelt. */
function noteAbsentKeys(config: JsonObject, { ignoreConfigKeys = [], onWarning }: OpenOptions): void {
  const absent = ignoreConfigKeys.filter((key) => !Object.hasOwn(config, key.split('.')[0] as string));
  if (absent.length > 0) onWarning?.(`config.json has no ${absent.map((key) => `'${key}'`).join(', ')} to ignore.`);
}
