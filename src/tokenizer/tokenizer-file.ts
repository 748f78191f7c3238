/** Reads and checks tokenizer.json and tokenizer_config.json: every setting that changes the ids of a text is supported, or an error. */
import type { AddedToken } from './added-tokens.ts';
import { AddedVocabulary } from './added-vocabulary.ts';
import { type DecoderFactory, readDecoder } from './decoders.ts';
import { at, flagAt, idAt, isAbsent, listAt, objectAt, type Place, wrong } from './json.ts';
import { readModel, type TokenModel } from './model.ts';
import { type Normalizer, readNormalizer } from './normalizers.ts';
import { type Frame, readFrame } from './post-processors.ts';
import { type PreTokenizer, readPreTokenizer } from './pre-tokenizers.ts';
import { addNamed, readListed, readRoles } from './special-names.ts';

export interface TokenizerFile {
  readonly model: TokenModel;
  readonly added: readonly AddedToken[];
  readonly normalize: Normalizer;
  readonly preTokenize: PreTokenizer;
  readonly decoder: DecoderFactory;
  /** Ids that the post-processor adds before and after a text. */
  readonly frame: Frame;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  /** model_max_length of the config; undefined when it sets no limit. */
  readonly maxLength: number | undefined;
  /** Are special tokens in a text treated as text by default? */
  readonly splitSpecialTokens: boolean;
}

/** Names of end-of-text tokens, for files whose config has none, such as GPT-2's. */
const END_OF_TEXT = ['<|endoftext|>', '<|end_of_text|>'];

export function readTokenizerFile(
  json: unknown,
  configJson: unknown,
  onWarning: (message: string) => void = () => {},
): TokenizerFile {
  const file = objectAt({ value: json, path: 'tokenizer.json' });
  const config = objectAt({ value: configJson ?? {}, path: 'tokenizer_config.json' });
  const version = at(file, 'version');
  if (!isAbsent(version) && version.value !== '1.0') throw wrong(version, "'1.0'");
  const preTokenizer = at(file, 'pre_tokenizer');
  const preTokenize = readPreTokenizer(preTokenizer, prefixSpaceOf(config, preTokenizer));
  const normalize = readNormalizer(at(file, 'normalizer'));
  const frame = readFrame(at(file, 'post_processor'));
  const decoder = readDecoder(at(file, 'decoder'));
  const model = readModel(at(file, 'model'));
  const vocabulary = new AddedVocabulary(model.ids);
  const listed = at(file, 'added_tokens');
  for (const entry of isAbsent(listed) ? [] : listAt(listed))
    vocabulary.add(readListed(entry, idAt(at(objectAt(entry), 'id'))));
  const roles = readRoles(config);
  addNamed(vocabulary, config, roles);
  if (vocabulary.warning !== undefined) onWarning(`tokenizer: ${vocabulary.warning}`);
  const added = vocabulary.tokens;
  const idOf = (role: string): number | undefined => vocabulary.idOf(roles.get(role)?.content ?? '');
  const hasRole = (role: string) => Object.hasOwn(config.value as object, role);
  const endId = added.find((token) => token.special && END_OF_TEXT.includes(token.content))?.id;
  return {
    model,
    added,
    normalize,
    preTokenize,
    decoder,
    frame,
    bosId: hasRole('bos_token') ? idOf('bos_token') : frame.before[0],
    eosId: hasRole('eos_token') ? idOf('eos_token') : endId,
    maxLength: maxLengthOf(at(config, 'model_max_length').value),
    splitSpecialTokens: flagAt(at(config, 'split_special_tokens'), false),
  };
}

/** Files without a limit have a number such as 1e30. */
const NO_LIMIT = 2 ** 53;

const maxLengthOf = (value: unknown): number | undefined =>
  typeof value === 'number' && value >= 1 && value < NO_LIMIT ? Math.trunc(value) : undefined;

/** Classes that use tokenizer.json alone, whatever the config adds. */
const PLAIN_CLASSES = ['PreTrainedTokenizerFast', 'TokenizersBackend'];

/** In the reference's classes for GPT-2 and similar models, the config's add_prefix_space overrides that of a single ByteLevel. */
function prefixSpaceOf(config: Place, preTokenizer: Place): boolean | undefined {
  const place = at(config, 'add_prefix_space');
  if (PLAIN_CLASSES.some((name) => name === at(config, 'tokenizer_class').value)) return undefined;
  const isLone = !isAbsent(preTokenizer) && at(objectAt(preTokenizer), 'type').value === 'ByteLevel';
  return isAbsent(place) || !isLone ? undefined : flagAt(place, false);
}
