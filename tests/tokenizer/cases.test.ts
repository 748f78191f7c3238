/** Tokenizer files as people found them in use, from tests/fixtures/tokenizer-cases; ids of tokenizers 0.23.2 and transformers 5.18. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { openTokenizer } from '../../src/loader/open.ts';
import { createTokenizerFromFiles } from '../../src/tokenizer/older-files.ts';
import { promptIds } from '../../src/tokenizer/prompt.ts';
import { readJson } from './vectors.ts';

const CASES = new URL('../fixtures/tokenizer-cases/', import.meta.url);

async function open(name: string) {
  const warnings: string[] = [];
  const folder = localFolder(fileURLToPath(new URL(name, CASES)));
  const tokenizer = await openTokenizer(folder, (message) => warnings.push(message));
  if (!tokenizer) throw new Error(`${name} has no tokenizer`);
  return { tokenizer, warnings };
}

describe.each([
  'tokenizer-added-id-mismatch',
  'tokenizer-falcon-pretokenizer',
  'tokenizer-llama2-sentencepiece',
  'tokenizer-punctuation',
  'tokenizer-roberta-post',
])('%s', (name) => {
  const { texts, ids, dec }: { texts: string[]; ids: number[][]; dec: string[] } = readJson(
    new URL(`${name}/ref.json`, CASES),
  );

  test('gives the ids and texts of the reference', async () => {
    const { tokenizer } = await open(name);
    expect(texts.map((text) => tokenizer.encode(text))).toEqual(ids);
    expect(ids.map((list) => tokenizer.decode(list))).toEqual(dec);
  });

  test('gives token by token the same texts', async () => {
    const { tokenizer } = await open(name);
    const stream = tokenizer.stream();
    const streamed = ids.map((list) => list.map((id) => stream.push(id)).join('') + stream.end());
    expect(streamed).toEqual(dec);
  });
});

test('an added token with another id than that of the vocabulary is a warning that names both', async () => {
  const { tokenizer, warnings } = await open('tokenizer-added-id-mismatch');
  expect(tokenizer.encode('the')).toEqual([349]);
  expect(warnings).toEqual([expect.stringContaining('"the" (9999 is listed, 349 counts)')]);
});

test('added tokens that stand only in tokenizer_config.json are found in a text', async () => {
  const { tokenizer, warnings } = await open('added-tokens-decoder-only');
  expect(tokenizer.encode('<|im_start|>user\nhi<|im_end|>')).toEqual([513, 85, 83, 69, 82, 199, 72, 73, 514]);
  expect([513, 514].every((id) => tokenizer.specialIds.has(id))).toBe(true);
  expect(warnings).toEqual([]);
});

interface OlderFiles {
  readonly config?: object;
  readonly files: { readonly added_tokens?: object; readonly special_tokens_map?: object };
  readonly texts: string[];
  readonly ids: number[][];
  readonly skipped: string[];
  readonly bos: number | null;
  readonly eos: number | null;
}

test('vocab.json and merges.txt are a tokenizer', async () => {
  const { tokenizer } = await open('slow-tokenizer-files');
  expect(tokenizer.encode('Once upon a time')).toEqual([47, 78, 328, 691, 259, 543]);
  expect(tokenizer.piece(tokenizer.eosId as number)).toBe('<|end_of_text|>');
});

const older: OlderFiles[] = readJson(new URL('slow-tokenizer-files/ref.json', CASES));

test.each(older.map((entry) => [JSON.stringify([entry.config, entry.files]).slice(0, 200), entry] as const))(
  'with the ids of its class in transformers: %s',
  (_, { config, files, texts, ids, skipped, bos, eos }) => {
    const folder = new URL('slow-tokenizer-files/', CASES);
    const tokenizer = createTokenizerFromFiles({
      config,
      addedTokens: files.added_tokens,
      specialTokensMap: files.special_tokens_map,
      vocab: readJson(new URL('vocab.json', folder)),
      merges: readFileSync(new URL('merges.txt', folder), 'utf8'),
    });
    expect(texts.map((text) => tokenizer?.encode(text))).toEqual(ids);
    expect(ids.map((list) => tokenizer?.decode(list))).toEqual(skipped);
    expect([tokenizer?.bosId ?? null, tokenizer?.eosId ?? null]).toEqual([bos, eos]);
  },
);

test('vocab.json and merges.txt of a class that adds more are no tokenizer, with a warning that names it', () => {
  const warnings: string[] = [];
  const config = { tokenizer_class: 'RobertaTokenizer' };
  const files = { config, vocab: { a: 0 }, merges: '' };
  expect(createTokenizerFromFiles(files, (message) => warnings.push(message))).toBeUndefined();
  expect(warnings).toEqual([expect.stringContaining('RobertaTokenizer')]);
});

test('a line of merges.txt that is no merge is an error that names it', () => {
  const files = { vocab: { a: 0, b: 1, ab: 2 }, merges: '#version: 0.2\na b\nab\n' };
  expect(() => createTokenizerFromFiles(files)).toThrow(/merges.txt: merge 2 came as "ab"/);
});

interface NamedTokens {
  readonly name: string;
  readonly config: object | null;
  readonly added: object[] | null;
  readonly files: { readonly 'added_tokens.json'?: object; readonly 'special_tokens_map.json'?: object };
  readonly text: string;
  readonly ids: number[];
  readonly skipped: string;
}

const named: NamedTokens[] = readJson(new URL('added-tokens-decoder-only/ref.json', CASES));

test.each(named.map((entry) => [entry.name, entry] as const))(
  'added tokens have the ids of AutoTokenizer: %s',
  (_, { config, added, files, text, ids, skipped }) => {
    const json = readJson(new URL('added-tokens-decoder-only/tokenizer.json', CASES));
    const tokenizer = createTokenizerFromFiles({
      tokenizer: added ? { ...json, added_tokens: added } : json,
      config: config ?? undefined,
      addedTokens: files['added_tokens.json'],
      specialTokensMap: files['special_tokens_map.json'],
    });
    expect(tokenizer?.encode(text)).toEqual(ids);
    expect(tokenizer?.decode(ids)).toBe(skipped);
  },
);

describe('chat-template', () => {
  test('a text that begins with the begin-of-text gets no second one as a prompt', async () => {
    const { tokenizer } = await open('chat-template');
    expect(tokenizer.encode('<|bos|>Hello').slice(0, 2)).toEqual([518, 518]); // as the reference does
    expect(promptIds(tokenizer, '<|bos|>Hello')).toEqual(tokenizer.encode('Hello'));
    expect(promptIds(tokenizer, '<|bos|><|bos|>Hello')).toEqual([518, ...tokenizer.encode('Hello')]);
    expect(promptIds(tokenizer, '')).toEqual([518]);
    expect(promptIds(tokenizer, 'Hello<|bos|>')).toEqual(tokenizer.encode('Hello<|bos|>'));
  });

  test('special tokens in a text from users can be kept from becoming ids', async () => {
    const { tokenizer } = await open('chat-template');
    const wanted = [518, 83, 65, 89, 221, 28, 92, 69, 79, 84, 63, 73, 68, 92, 30, 221, 84, 87, 73, 67, 69];
    expect(tokenizer.encode('say <|eot_id|> twice', { splitSpecialTokens: true })).toEqual(wanted);
    expect(promptIds(tokenizer, 'say <|eot_id|> twice', { splitSpecialTokens: true })).toEqual(wanted);
    // What begins like the begin-of-text is then none.
    const bos = promptIds(tokenizer, '<|bos|>x', { splitSpecialTokens: true });
    expect(bos.filter((id) => id === 518)).toHaveLength(1);
    expect(tokenizer.decode(bos)).toBe('<|bos|>x');
  });
});
