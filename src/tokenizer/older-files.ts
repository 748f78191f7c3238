/**
 * Converts the older files of a tokenizer to the form of tokenizer.json: vocab.json and merges.txt of byte-level BPE,
 * special_tokens_map.json and added_tokens.json (tokenization_utils_base.py, models/gpt2/tokenization_gpt2.py of transformers).
 */
import { CheckpointError } from '../base/errors.ts';
import { at, idAt, isAbsent, type JsonObject, listAt, objectAt, type Place, textAt } from './json.ts';
import { readRoles } from './special-names.ts';
import { createTokenizer, type Tokenizer } from './tokenizer.ts';

/** Contents of the files: parsed JSON, and the text of merges.txt; undefined for missing files. */
export interface TokenizerFiles {
  readonly tokenizer?: unknown;
  readonly config?: unknown;
  /** special_tokens_map.json and added_tokens.json, used when the config has no added_tokens_decoder. */
  readonly specialTokensMap?: unknown;
  readonly addedTokens?: unknown;
  readonly vocab?: unknown;
  readonly merges?: string | undefined;
}

/** Classes of tokenizers for which vocab.json and merges.txt suffice, with what the class in transformers adds. */
const CLASSES: Readonly<Record<string, { readonly normalizer: JsonObject | null; readonly roles: JsonObject }>> = {
  GPT2Tokenizer: {
    normalizer: null,
    roles: { unk_token: '<|endoftext|>', bos_token: '<|endoftext|>', eos_token: '<|endoftext|>' },
  },
  GPTNeoXTokenizer: {
    normalizer: { type: 'NFC' },
    roles: {
      unk_token: '<|endoftext|>',
      bos_token: '<|endoftext|>',
      eos_token: '<|endoftext|>',
      pad_token: '<|padding|>',
    },
  },
};

/** Undefined when the files do not contain a tokenizer. Throws CheckpointError as createTokenizer does. */
export function createTokenizerFromFiles(
  files: TokenizerFiles,
  onWarning?: (message: string) => void,
): Tokenizer | undefined {
  const config = withOlderNames(files);
  if (files.tokenizer !== undefined) return createTokenizer(files.tokenizer, config, onWarning);
  if (files.vocab === undefined || files.merges === undefined) return undefined;
  const named = config.tokenizer_class;
  const name = typeof named === 'string' ? named.replace(/Fast$/, '') : 'GPT2Tokenizer';
  const kind = Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
  if (!kind) {
    onWarning?.(
      `no tokenizer: vocab.json and merges.txt of a ${name} are not understood without a tokenizer.json, only those of ${Object.keys(CLASSES).join(' and ')}; ` +
        'save the tokenizer with transformers 4.40 or later, or name another with the option tokenizer.',
    );
    return undefined;
  }
  return fromVocabulary({ ...kind.roles, ...config }, files.vocab, files.merges, kind.normalizer, onWarning);
}

function fromVocabulary(
  config: JsonObject,
  vocab: unknown,
  merges: string,
  normalizer: JsonObject | null,
  onWarning: ((message: string) => void) | undefined,
): Tokenizer {
  const json = {
    version: '1.0',
    added_tokens: [],
    normalizer,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
    decoder: { type: 'ByteLevel' },
    model: { type: 'BPE', vocab, merges: mergesOf(merges) },
  };
  const plain = createTokenizer(json, config, onWarning);
  const before = config.add_bos_token === true && plain.bosId !== undefined ? [plain.bosId] : [];
  const after = config.add_eos_token === true && plain.eosId !== undefined ? [plain.eosId] : [];
  if (before.length + after.length === 0) return plain;
  const special = (id: number) => ({ SpecialToken: { id: String(id) } });
  const post_processor = {
    type: 'TemplateProcessing',
    single: [...before.map(special), { Sequence: { id: 'A' } }, ...after.map(special)],
    special_tokens: Object.fromEntries([...before, ...after].map((id) => [id, { ids: [id] }])),
  };
  return createTokenizer({ ...json, post_processor }, config);
}

/** Lines of two tokens, in order of rank, without the line that names the version. */
function mergesOf(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  const merges = lines.filter((line) => !line.startsWith('#version'));
  const odd = merges.findIndex((line) => !/^[^ ]+ [^ ]+$/.test(line));
  if (odd < 0) return merges;
  throw new CheckpointError(
    `merges.txt: merge ${odd + 1} came as ${JSON.stringify(merges[odd]?.slice(0, 40))}, wanted two tokens and a space between them.`,
  );
}

/** Adds the contents of the two older files to the config, unless it lists added tokens itself. */
function withOlderNames({ tokenizer, config, specialTokensMap, addedTokens }: TokenizerFiles): JsonObject {
  const own = objectAt({ value: config ?? {}, path: 'tokenizer_config.json' }).value as JsonObject;
  if (!isAbsent({ value: own.added_tokens_decoder, path: '' })) return own;
  const map = objectAt({ value: specialTokensMap ?? {}, path: 'special_tokens_map.json' }).value as JsonObject;
  const named = { ...own, ...map };
  if (addedTokens === undefined) return named;
  const special = new Set(
    [...readRoles({ value: named, path: 'special_tokens_map.json' }).values()].map(({ content }) => content),
  );
  const place = objectAt({ value: addedTokens, path: 'added_tokens.json' });
  const listed = Object.keys(place.value as object).map((content) => {
    const isSpecial = special.has(content);
    return [idAt(at(place, content)), { content, special: isSpecial, normalized: !isSpecial }] as const;
  });
  return { ...named, added_tokens_decoder: Object.fromEntries([...listed, ...tokensOf(tokenizer)]) };
}

/** Added tokens by id; tokenizer.json takes precedence over added_tokens.json. */
function tokensOf(tokenizer: unknown): (readonly [number, unknown])[] {
  if (tokenizer === undefined) return [];
  const list = at(objectAt({ value: tokenizer, path: 'tokenizer.json' }), 'added_tokens');
  return (isAbsent(list) ? [] : listAt(list)).map((entry: Place) => {
    textAt(at(objectAt(entry), 'content'));
    return [idAt(at(entry, 'id')), entry.value] as const;
  });
}
