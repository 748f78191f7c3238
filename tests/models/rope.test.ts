/** Laws of scaled rotary positions. Vectors: tools/reference/make_rope_vectors.py. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CheckpointError } from '../../src/base/errors.ts';
import { ConfigReader, type JsonObject } from '../../src/models/config.ts';
import { readRope, stretchedPositions } from '../../src/models/rope-config.ts';
import { ropeFrequencies } from '../../src/models/rope-frequencies.ts';

interface Vector {
  readonly config: JsonObject & { readonly max_position_embeddings: number };
  /** Of one head. */
  readonly width: number;
  readonly scale: number;
  /** Inverse frequencies of the token at a position. */
  readonly at: Readonly<Record<string, readonly number[]>>;
}

const url = new URL('../fixtures/rope.json', import.meta.url);
const vectors = JSON.parse(readFileSync(url, 'utf8')) as Vector[];

/** Of a frequency, relative: torch's powers are off by a bit in the last place now and then. */
const TOLERANCE = 4e-7;

const rope = (json: JsonObject, maxPositions = 2048) => readRope(new ConfigReader(json), maxPositions);
const scalingOf = (json: JsonObject) => rope(json).ropeScaling;
const worst = (found: ArrayLike<number>, wanted: readonly number[]) =>
  wanted.reduce(
    (most, x, i) => Math.max(most, Math.abs(x === 0 ? (found[i] as number) : (found[i] as number) / x - 1)),
    0,
  );

test('frequencies are those of transformers, in every spelling, with every default', () => {
  const types = new Set<string>();
  for (const { config, width, scale, at } of vectors) {
    const read = rope(config, config.max_position_embeddings);
    types.add(read.ropeScaling.type);
    const frequencies = ropeFrequencies(read, width);
    expect(Math.abs(frequencies.attentionFactor / scale - 1), JSON.stringify(config)).toBeLessThan(TOLERANCE);
    for (const [position, wanted] of Object.entries(at)) {
      const found = frequencies.at(Number(position));
      expect(found.length).toBe(wanted.length);
      expect(worst(found, wanted), JSON.stringify(config)).toBeLessThan(TOLERANCE);
    }
  }
  expect([...types].sort()).toEqual(['default', 'dynamic', 'linear', 'llama3', 'longrope', 'proportional', 'yarn']);
});

test('of two spellings in one file the one that transformers takes counts', () => {
  const linear = { type: 'linear', factor: 2 };
  expect(rope({ rope_scaling: linear, rope_parameters: { rope_type: 'default', rope_theta: 7 } })).toEqual({
    theta: 10000,
    ropeScaling: linear,
  });
  expect(rope({ rope_scaling: {}, rope_parameters: { rope_theta: 7 } }).theta).toBe(7);
  expect(rope({ rope_theta: 5, rope_parameters: { rope_theta: 7 } }).theta).toBe(7);
  expect(rope({ rope_theta: 5, rope_scaling: linear }).theta).toBe(5);
  expect(scalingOf({ rope_scaling: { type: 'linear', rope_type: 'dynamic', factor: 2 } }).type).toBe('dynamic');
  const yarn = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 64 };
  expect(scalingOf({ rope_scaling: yarn })).toMatchObject({ trained: 64 });
  expect(scalingOf({ rope_scaling: yarn, original_max_position_embeddings: 99 })).toMatchObject({ trained: 99 });
});

test('keys that belong to another type, or to the notes of its authors, change nothing', () => {
  const plain = { type: 'linear', factor: 2 };
  const more = { low_freq_factor: 1, original_max_position_embeddings: 512, finetuned: true };
  expect(scalingOf({ rope_scaling: { ...plain, ...more } })).toEqual(plain);
  expect(scalingOf({ rope_scaling: { factor: 8 } })).toEqual({ type: 'default' });
});

test('a key that nobody knows is refused by name, and can be passed over', () => {
  const json = { rope_scaling: { type: 'linear', factor: 2, alpha: 3 } };
  expect(() => rope(json)).toThrow(/'rope_scaling.alpha': 3/);
  const reader = new ConfigReader(json);
  reader.ignore('rope_scaling.alpha');
  expect(readRope(reader, 2048).ropeScaling.type).toBe('linear');
});

test('a share of each head is turned where the reference does so, and passed over where it turns whole heads', () => {
  const told = (json: JsonObject): string[] => {
    const warnings: string[] = [];
    const reader = new ConfigReader(json);
    readRope(reader, 2048);
    reader.finish((warning) => warnings.push(warning));
    return warnings;
  };
  const half = { partial_rotary_factor: 0.5 };
  for (const json of [half, { ...half, rope_scaling: { type: 'default' } }])
    expect(told(json)).toEqual([expect.stringContaining("'partial_rotary_factor': 0.5")]);
  for (const key of ['rope_scaling', 'rope_parameters'])
    expect(told({ [key]: half })).toEqual([expect.stringContaining(`'${key}.partial_rotary_factor': 0.5`)]);
  expect(told({ rope_scaling: { type: 'proportional', ...half } })).toEqual([]);
  for (const type of ['linear', 'dynamic', 'yarn'])
    for (const json of [{ rope_scaling: { type, factor: 2, ...half } }, { ...half, rope_scaling: { type, factor: 2 } }])
      expect(() => rope(json)).toThrow(/partial_rotary_factor': 0.5, wanted 1/);
});

test('longrope wants a factor for each frequency', () => {
  const long_factor = [2, 2, 2, 2];
  const read = (short_factor: unknown) => rope({ rope_scaling: { type: 'longrope', short_factor, long_factor } });
  expect(() => read(undefined)).toThrow(/no 'rope_scaling.short_factor'/);
  expect(() => read([1, 'x'])).toThrow(/'rope_scaling.short_factor'.*wanted a list of numbers/);
  expect(() => ropeFrequencies(read([1, 1, 1]), 8)).toThrow(/3 numbers in the short_factor .* wanted 4/);
  expect(() => ropeFrequencies(read([1, 0, 1, 1]), 8)).toThrow(/no finite numbers/);
});

describe('what cannot be computed is refused', () => {
  test.each<[string, JsonObject, number]>([
    ['dynamic with heads 2 wide', { rope_scaling: { type: 'dynamic', factor: 2 } }, 2],
    ['yarn with a base of 1', { rope_theta: 1, rope_scaling: { type: 'yarn', factor: 2 } }, 8],
  ])('%s', (_, json, width) => {
    expect(() => ropeFrequencies(rope(json), width)).toThrow(CheckpointError);
    expect(() => ropeFrequencies(rope(json), width)).toThrow(/no finite numbers/);
  });
});

test('a model reads as many positions as its scaling stretches them to', () => {
  const positions = (rope_scaling: JsonObject, maxPositions = 4096) =>
    stretchedPositions(rope({ rope_scaling }, maxPositions).ropeScaling, maxPositions);
  expect(positions({ type: 'default' })).toBe(4096);
  expect(positions({ type: 'linear', factor: 4 })).toBe(16384);
  expect(positions({ type: 'dynamic', factor: 2.5 })).toBe(10240);
  expect(positions({ type: 'linear', factor: 0.5 })).toBe(4096);
  const original_max_position_embeddings = 1024;
  expect(positions({ type: 'yarn', factor: 4, original_max_position_embeddings })).toBe(4096);
  expect(positions({ type: 'yarn', factor: 8, original_max_position_embeddings })).toBe(8192);
  const llama3 = { rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4 };
  expect(positions({ ...llama3, original_max_position_embeddings }, 131072)).toBe(131072);
  expect(positions({ type: 'linear', factor: 1e300 })).toBe(2 ** 26);
  // Beyond, every position of the text would have to be turned by other factors, those that were read too.
  const longrope = { type: 'longrope', short_factor: [1], long_factor: [2], original_max_position_embeddings };
  expect(positions(longrope, 131072)).toBe(1024);
});

test('dynamic positions are those of the default up to max_position_embeddings, and grow slower beyond', () => {
  const plain = ropeFrequencies(rope({}), 16);
  const dynamic = ropeFrequencies(rope({ rope_scaling: { type: 'dynamic', factor: 4 } }), 16);
  expect(dynamic.at(2047)).toEqual(plain.at(2047));
  expect(dynamic.at(2048)[7]).toBeLessThan(plain.at(2048)[7] as number);
  expect(dynamic.at(8000)[7]).toBeLessThan(dynamic.at(2048)[7] as number);
  expect(dynamic.at(8000)[0]).toBe(1);
});
