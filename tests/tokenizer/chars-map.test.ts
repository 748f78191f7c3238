/** The table of sentencepiece's normalisers gives what huggingface/tokenizers makes of it; the table is one of ten rules, made by sentencepiece 0.2. */
import { expect, test } from 'vitest';
import { CheckpointError } from '../../src/base/errors.ts';
import { readCharsMap } from '../../src/tokenizer/chars-map.ts';
import { readJson } from './vectors.ts';

const golden: { charsmap: string; texts: string[]; normal: string[] } = readJson(
  new URL('../fixtures/chars-map.json', import.meta.url),
);

test('texts are normalised as by the reference', () => {
  const normalize = readCharsMap({ value: golden.charsmap, path: 'map' });
  expect(golden.texts.map(normalize)).toEqual(golden.normal);
});

test('a table that is cut off or none is an error, and one of other numbers ends', () => {
  for (const value of [undefined, '', '!', 'AAAA', golden.charsmap.slice(0, 400)])
    expect(() => readCharsMap({ value, path: 'map' })).toThrow(CheckpointError);
  const bytes = Buffer.from(golden.charsmap, 'base64');
  for (let i = 4; i < bytes.length; i += 7) {
    const damaged = Buffer.from(bytes);
    damaged.writeUInt8(damaged.readUInt8(i) ^ 0xff, i);
    golden.texts.map(readCharsMap({ value: damaged.toString('base64'), path: 'map' }));
  }
});
