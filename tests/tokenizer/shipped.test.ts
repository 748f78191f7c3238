/** The tokenizers of the small models that ship with the repository. */
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createTokenizer } from '../../src/tokenizer/tokenizer.ts';
import { readJson } from './vectors.ts';

const models = new URL('../../models/', import.meta.url);
const names = existsSync(models)
  ? readdirSync(models).filter((name) => existsSync(new URL(`${name}/tokenizer.json`, models)))
  : [];

describe.skipIf(names.length === 0)('shipped models', () => {
  test.each(names)('%s has a tokenizer that gives texts back and knows the end of a text', (name) => {
    const config = new URL(`${name}/tokenizer_config.json`, models);
    const tokenizer = createTokenizer(
      readJson(new URL(`${name}/tokenizer.json`, models)),
      existsSync(config) ? readJson(config) : undefined,
    );
    for (const text of ['Once upon a time, there were 12 cats.', '  two\n\nlines', '🙂 日本語', ''])
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    expect(tokenizer.specialIds.has(tokenizer.eosId as number)).toBe(true);
  });
});
