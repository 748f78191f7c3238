/** tokenizer.json and tokenizer_config.json, read whole and checked: everything that changes the ids of a text is understood or an error. */
import type { AddedToken } from './added-tokens.ts';
import { readBpe, type WordEncoder } from './bpe.ts';
import { at, flagAt, idAt, isAbsent, listAt, objectAt, type Place, textAt, wrong } from './json.ts';
import { type Normalizer, type PreTokenizer, readNormalizer, readPreTokenizer } from './pre-tokenize.ts';

export interface TokenizerFile {
  readonly words: WordEncoder;
  readonly added: readonly AddedToken[];
  readonly normalize: Normalizer;
  readonly preTokenize: PreTokenizer;
  /** Ids that the post-processor puts before and after a text. */
  readonly frame: Frame;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
}

interface Frame {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** Keys of tokenizer_config.json that name special tokens; a tokenizer of the reference cuts these out of a text too. */
const NAMED_TOKENS = ['bos_token', 'eos_token', 'unk_token', 'pad_token', 'sep_token', 'cls_token', 'mask_token'];

/** Ends of a text by name, for files whose config names none: GPT-2's has only a length. */
const END_OF_TEXT = ['<|endoftext|>', '<|end_of_text|>'];

export function readTokenizerFile(
  json: unknown,
  configJson: unknown,
  _onWarning: (message: string) => void = () => {},
): TokenizerFile {
  const file = objectAt({ value: json, path: 'tokenizer.json' });
  const config = objectAt({ value: configJson ?? {}, path: 'tokenizer_config.json' });
  const version = at(file, 'version');
  if (!isAbsent(version) && version.value !== '1.0') throw wrong(version, "'1.0'");
  const preTokenizer = at(file, 'pre_tokenizer');
  const preTokenize = readPreTokenizer(preTokenizer, prefixSpaceOf(config, preTokenizer));
  const normalize = readNormalizer(at(file, 'normalizer'));
  const frame = readFrame(at(file, 'post_processor'));
  const decoder = objectAt(at(file, 'decoder'));
  if (at(decoder, 'type').value !== 'ByteLevel') throw wrong(at(decoder, 'type'), "'ByteLevel'");
  const words = readBpe(at(file, 'model'));
  const listed = readAdded(at(file, 'added_tokens'), words.ids);
  const idOf = (content: string | undefined): number | undefined =>
    listed.find((token) => token.content === content)?.id ?? words.ids.get(content ?? '');
  const names = namedTokens(config);
  const added = [...listed];
  for (const content of new Set(names.values())) {
    const id = idOf(content);
    if (id === undefined) continue;
    const known = added.findIndex((token) => token.id === id);
    if (known < 0) added.push({ ...PLAIN, id, content, special: true });
    else added[known] = { ...(added[known] as AddedToken), special: true };
  }
  const endId = added.find((token) => token.special && END_OF_TEXT.includes(token.content))?.id;
  return {
    words,
    added,
    normalize,
    preTokenize,
    frame,
    bosId: config.value && Object.hasOwn(config.value, 'bos_token') ? idOf(names.get('bos_token')) : frame.before[0],
    eosId: config.value && Object.hasOwn(config.value, 'eos_token') ? idOf(names.get('eos_token')) : endId,
  };
}

const PLAIN = { normalized: false, singleWord: false, lstrip: false, rstrip: false };

function readAdded(place: Place, ids: ReadonlyMap<string, number>): AddedToken[] {
  if (isAbsent(place)) return [];
  const tokenOf = new Map([...ids].map(([token, id]) => [id, token]));
  const contents = new Set<string>();
  return listAt(place).map((entry) => {
    const token = objectAt(entry);
    const id = idAt(at(token, 'id'));
    const content = textAt(at(token, 'content'));
    const special = flagAt(at(token, 'special'), false);
    if (content === '' || contents.has(content))
      throw wrong(at(token, 'content'), 'a text that no other added token has');
    contents.add(content);
    if ((tokenOf.get(id) ?? content) !== content || (ids.get(content) ?? id) !== id)
      throw wrong(at(token, 'id'), `the id that ${JSON.stringify(content)} has in the vocabulary, or one that is free`);
    tokenOf.set(id, content);
    return {
      id,
      content,
      special,
      normalized: flagAt(at(token, 'normalized'), !special),
      singleWord: flagAt(at(token, 'single_word'), false),
      lstrip: flagAt(at(token, 'lstrip'), false),
      rstrip: flagAt(at(token, 'rstrip'), false),
    };
  });
}

/** ByteLevel leaves ids as they are; a template puts ids before and after the text. */
function readFrame(place: Place, depth = 0): Frame {
  if (isAbsent(place)) return { before: [], after: [] };
  const type = at(objectAt(place), 'type');
  if (type.value === 'ByteLevel') return { before: [], after: [] };
  if (type.value === 'TemplateProcessing') return readTemplate(place);
  if (type.value !== 'Sequence' || depth > 0) throw wrong(type, "'ByteLevel', 'TemplateProcessing' or one 'Sequence'");
  const frames = listAt(at(place, 'processors')).map((part) => readFrame(part, depth + 1));
  return {
    before: frames.flatMap(({ before }) => before).reverse(),
    after: frames.flatMap(({ after }) => after),
  };
}

function readTemplate(place: Place): Frame {
  const single = at(place, 'single');
  const known = at(place, 'special_tokens');
  const before: number[] = [];
  const after: number[] = [];
  let texts = 0;
  for (const part of listAt(single)) {
    objectAt(part);
    const sequence = at(part, 'Sequence');
    if (!isAbsent(sequence)) {
      if (at(objectAt(sequence), 'id').value !== 'A') throw wrong(at(sequence, 'id'), "'A'");
      texts++;
      continue;
    }
    const name = textAt(at(objectAt(at(part, 'SpecialToken')), 'id'));
    const ids = listAt(at(objectAt(at(objectAt(known), name)), 'ids')).map(idAt);
    (texts === 0 ? before : after).push(...ids);
  }
  if (texts !== 1) throw wrong(single, 'a template with the text in it once');
  return { before, after };
}

function namedTokens(config: Place): Map<string, string> {
  const names = new Map<string, string>();
  const add = (key: string, place: Place) => {
    if (isAbsent(place)) return;
    names.set(key, typeof place.value === 'string' ? place.value : textAt(at(objectAt(place), 'content')));
  };
  for (const key of NAMED_TOKENS) add(key, at(config, key));
  const others = at(config, 'additional_special_tokens');
  if (Array.isArray(others.value)) for (const place of listAt(others)) add(place.path, place);
  return names;
}

/** A config's add_prefix_space goes before that of a lone ByteLevel, as in the reference. */
function prefixSpaceOf(config: Place, preTokenizer: Place): boolean | undefined {
  const place = at(config, 'add_prefix_space');
  const isLone = !isAbsent(preTokenizer) && at(objectAt(preTokenizer), 'type').value === 'ByteLevel';
  return isAbsent(place) || !isLone ? undefined : flagAt(place, false);
}
