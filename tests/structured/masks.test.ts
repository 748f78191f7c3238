/** Constrained output: whatever the model prefers, the text parses and validates. */

import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { openTokenizer } from '../../src/loader/open.ts';
import type { TokenMask } from '../../src/sampler/mask.ts';
import { Sampler } from '../../src/sampler/sampler.ts';
import { jsonMask, jsonSchemaMask, prepareMasks, regexMask } from '../../src/structured/masks.ts';
import type { JsonSchema } from '../../src/structured/schema.ts';
import { TokenTrie } from '../../src/structured/token-trie.ts';
import type { Tokenizer } from '../../src/tokenizer/tokenizer.ts';

const root = new URL('../../', import.meta.url);
const open = async (path: string) =>
  (await openTokenizer(localFolder(fileURLToPath(new URL(path, root))))) as Tokenizer;
const tokenizer = await open('models/granite-tiny');
const END = tokenizer.eosId as number;
const ends = new Set([END]);

/** A text that random logits give under a mask; undefined when it got longer than `most` tokens. Later, what ends the text is favoured. */
function drawn(mask: TokenMask, seed: number, most = 600): string | undefined {
  const sequence = mask.begin(ends);
  const sampler = new Sampler({ temperature: 1, seed });
  const ids: number[] = [];
  const closing = Array.from(
    { length: tokenizer.vocabSize },
    (_, id) => /^[\]}",0-9]*$/.test(tokenizer.piece(id)) || id === END,
  );
  while (!sequence.complete) {
    if (ids.length > most) return undefined;
    const logits = Float32Array.from(closing, (is) => (is ? Math.min(12, ids.length / 4) : 0));
    const id = sampler.next(logits, { prompt: [], generated: ids, limit: most }, sequence.allowed());
    if (id === END) break;
    sequence.accept(id);
    ids.push(id);
  }
  return tokenizer.decode(ids);
}

/** Does the mask of a schema let this text be written? */
function accepts(schema: JsonSchema, text: string): boolean {
  const sequence = jsonSchemaMask(tokenizer, schema).begin(ends);
  try {
    for (const id of tokenizer.encode(text, { addSpecialTokens: false })) sequence.accept(id);
  } catch {
    return false;
  }
  return sequence.complete || ((sequence.allowed()[END >>> 5] as number) & (1 << (END & 31))) !== 0;
}

const ajv = new Ajv2020({ strict: false, validateFormats: false, multipleOfPrecision: 9 });

const leaf: fc.Arbitrary<JsonSchema> = fc.oneof(
  fc.constantFrom<JsonSchema>({ type: 'boolean' }, { type: 'null' }, { type: 'number' }, { type: 'integer' }, true, {}),
  fc
    .tuple(fc.integer({ min: -3000, max: 3000 }), fc.nat(5000))
    .map(([from, more]) => ({ type: 'integer', minimum: from, maximum: from + more })),
  fc.tuple(fc.nat(4), fc.nat(5)).map(([min, more]) => ({ type: 'string', minLength: min, maxLength: min + more })),
  fc
    .array(fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)), { minLength: 1, maxLength: 4 })
    .map((all) => ({ enum: all })),
  fc.constantFrom<JsonSchema>(
    { type: 'string', pattern: '^[a-c]+"?$' },
    { type: 'string', pattern: 'x\\d{2}' },
    { const: { a: [1, 'b'] } },
  ),
  fc.constantFrom<JsonSchema>({ type: ['string', 'null'] }, { exclusiveMinimum: 3, type: 'integer' }),
  fc
    .tuple(
      fc.double({ min: -1e7, max: 1e7, noNaN: true }),
      fc.double({ min: 1e-5, max: 1e6, noNaN: true }),
      fc.boolean(),
    )
    .map(([from, more, inclusive]) =>
      inclusive
        ? { type: 'number', minimum: from, maximum: from + more }
        : { type: 'number', exclusiveMinimum: from, exclusiveMaximum: from + more },
    ),
  fc.constantFrom<JsonSchema>(
    { type: 'integer', minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER },
    { type: 'number', exclusiveMinimum: 0, maximum: 1 },
    { type: 'array', prefixItems: [{ type: 'boolean' }, { type: 'null' }], items: { type: 'integer' }, maxItems: 4 },
    { type: 'object', propertyNames: { enum: ['p', 'q'] }, additionalProperties: { type: 'boolean' }, required: ['q'] },
  ),
  fc
    .tuple(fc.constantFrom('^[a-cü"\\n]*$', 'x\\d{2}', '^(?:ab)+$|^c?$', '^.'), fc.nat(5), fc.option(fc.nat(4)))
    .map(([pattern, minLength, more]) => ({
      ...{ type: 'string', pattern, minLength: minLength + (pattern.includes('x') ? 3 : 0) },
      ...(more === null ? {} : { maxLength: Math.max(3, minLength + more + 1) + (pattern.includes('x') ? 3 : 0) }),
    })),
  fc
    .tuple(
      fc.constantFrom(1, 2, 7, 60, 0.5, 0.01, 1.25, 3e-7, 100),
      fc.boolean(),
      fc.option(fc.integer({ min: -9e3, max: 9e3 })),
    )
    .map(([multipleOf, isWhole, from]) => ({
      ...{ type: isWhole ? 'integer' : 'number', multipleOf },
      ...(from === null ? {} : { minimum: from, exclusiveMaximum: from + 2000 }),
    })),
  fc
    .tuple(
      fc.constantFrom<JsonSchema>(
        { type: 'boolean' },
        { enum: [1, 'b', null, { x: 1, y: 2 }, { y: 2, x: 1 }] },
        { type: 'integer', minimum: -2, maximum: 5 },
      ),
      fc.nat(2),
      fc.option(fc.nat(6)),
    )
    .map(([items, minItems, more]) => ({
      ...{ type: 'array', items, uniqueItems: true, minItems },
      ...(more === null ? {} : { maxItems: minItems + more }),
    })),
);
const schemas = fc.letrec<{ schema: JsonSchema }>((tie) => ({
  schema: fc.oneof(
    { depthSize: 'small', maxDepth: 3 },
    leaf,
    fc
      .tuple(fc.dictionary(fc.string({ maxLength: 4 }), tie('schema'), { maxKeys: 4 }), fc.boolean(), fc.nat(15))
      .map(([properties, additionalProperties, bits]) => ({
        type: 'object',
        properties: Object.fromEntries(Object.entries(properties).filter(([name]) => name !== '__proto__')),
        required: Object.keys(properties).filter((name, i) => name !== '__proto__' && (bits >> i) & 1),
        additionalProperties,
      })),
    fc
      .tuple(tie('schema'), fc.nat(2), fc.nat(2))
      .map(([items, min, more]) => ({ type: 'array', items, minItems: min, maxItems: min + more })),
    fc.array(tie('schema'), { minLength: 1, maxLength: 3 }).map((all) => ({ anyOf: all })),
  ),
})).schema;

describe('output under a JSON schema', () => {
  test('parses and validates, for random schemas and random models', () => {
    let whole = 0;
    fc.assert(
      fc.property(schemas, fc.nat(1000), (schema, seed) => {
        const text = drawn(jsonSchemaMask(tokenizer, schema), seed);
        if (text === undefined) return;
        whole++;
        const value: unknown = JSON.parse(text);
        expect(ajv.validate(schema, value), `${JSON.stringify(schema)}: ${text}`).toBe(true);
      }),
      { numRuns: 60 },
    );
    expect(whole).toBeGreaterThan(40);
  });

  test('has other names than those that are described, also where these need escapes', () => {
    const names = ['"', '"x', '\\', 'a"b', '\n', 'a'];
    const schema = {
      type: 'object',
      properties: Object.fromEntries(names.map((name) => [name, { type: 'null' }])),
      additionalProperties: { type: 'boolean' },
    };
    for (let seed = 0; seed < 40; seed++) {
      const text = drawn(jsonSchemaMask(tokenizer, schema), seed, 200);
      if (text !== undefined) expect(ajv.validate(schema, JSON.parse(text)), text).toBe(true);
    }
    const texts = ['{""x":true}', '{"\\"":null}', '{"b":true}', '{"a":true}'];
    expect(texts.map((text) => accepts(schema, text))).toEqual([false, true, true, false]);
  });

  test('may be recursive', () => {
    const schema = {
      $ref: '#/$defs/tree',
      $defs: {
        tree: {
          type: 'object',
          properties: { of: { type: 'array', items: { $ref: '#/$defs/tree' } } },
          additionalProperties: false,
        },
      },
    };
    for (let seed = 0; seed < 5; seed++) {
      const text = drawn(jsonSchemaMask(tokenizer, schema), seed);
      if (text !== undefined) expect(ajv.validate(schema, JSON.parse(text)), text).toBe(true);
    }
  });

  test('may refer to places in a schema that stands in another', () => {
    const list = {
      $id: 'list',
      type: 'object',
      properties: { head: { $ref: '#/definitions/item' }, tail: { anyOf: [{ type: 'null' }, { $ref: '#' }] } },
      required: ['head', 'tail'],
      additionalProperties: false,
      definitions: { item: { enum: [1, 2] } },
    };
    const schema = { type: 'array', items: list, minItems: 1, maxItems: 1 };
    const ajv = new Ajv2020({ strict: false });
    let whole = 0;
    for (let seed = 0; seed < 5; seed++) {
      const text = drawn(jsonSchemaMask(tokenizer, schema), seed);
      if (text === undefined) continue;
      whole++;
      expect(
        ajv.validate({ ...schema, $id: `outer${seed}`, items: { ...list, $id: `list${seed}` } }, JSON.parse(text)),
        text,
      ).toBe(true);
    }
    expect(whole).toBeGreaterThan(0);
  });

  test('of what zod makes is what zod accepts', () => {
    const Tree = z.object({
      name: z.enum(['a', 'b']),
      get children() {
        return z.array(Tree).max(2);
      },
    });
    const kinds = [
      z.object({ id: z.int(), score: z.number().positive().max(1), note: z.string().nullable().optional() }),
      z.object({ mail: z.email(), site: z.url(), key: z.uuid(), host: z.ipv4() }),
      z.object({ day: z.iso.date(), at: z.iso.datetime(), hour: z.iso.time() }),
      z.object({ pair: z.tuple([z.boolean(), z.int()]), rest: z.tuple([z.null()]).rest(z.literal(1)) }),
      z.record(z.enum(['p', 'q']), z.int().min(-5).max(5)),
      z.record(z.string(), z.boolean()).nullable(),
      z.discriminatedUnion('t', [z.object({ t: z.literal('a') }), z.object({ t: z.literal('b'), n: z.number() })]),
      z.object({ first: Tree, second: Tree.describe('another') }),
      z.string().startsWith('ab'),
    ];
    let whole = 0;
    for (const kind of kinds)
      for (const target of ['draft-7', 'draft-2020-12'] as const)
        for (let seed = 0; seed < 3; seed++) {
          const schema = z.toJSONSchema(kind, { target, io: 'input' }) as JsonSchema;
          const text = drawn(jsonSchemaMask(tokenizer, schema), seed);
          if (text === undefined) continue;
          whole++;
          expect(kind.safeParse(JSON.parse(text)).error, text).toBeUndefined();
        }
    expect(whole).toBeGreaterThan(kinds.length * 4);
  });

  test('has all that the schema accepts: lengths in characters, multiples by their decimals, all items that differ', () => {
    const name = { type: 'string', pattern: '^[^ ]+$', minLength: 2, maxLength: 3 };
    expect(['"a"', '"ab"', '"ü😀\\n"', '"ü😀xy"', '"a b"'].map((text) => accepts(name, text))).toEqual([
      ...[false, true, true, false, false],
    ]);
    const price = { type: 'number', multipleOf: 0.05, minimum: 0 };
    expect(['0', '0.05', '0.5', '1.10', '0.07', '0.050', '12'].map((text) => accepts(price, text))).toEqual([
      ...[true, true, true, true, false, false, true],
    ]);
    const set = { type: 'array', items: { enum: ['a', 'b'] }, uniqueItems: true };
    expect(['[]', '["a"]', '["b", "a"]', '["a", "a"]'].map((text) => accepts(set, text))).toEqual([
      ...[true, true, true, false],
    ]);
  });

  test('is an object where any is wanted', () => {
    for (let seed = 0; seed < 5; seed++)
      expect(JSON.parse(drawn(jsonMask(tokenizer), seed) ?? '{}')).toBeTypeOf('object');
  });

  test.each<[JsonSchema, RegExp]>([
    [
      { type: 'string', contentEncoding: 'base64' },
      /has 'contentEncoding' at #\/contentEncoding, which is not supported/,
    ],
    [{ type: 'object', properties: { 'a/b': { not: {} } } }, /has 'not' at #\/properties\/a~1b\/not/],
    [{ type: 'number', minimum: 0.5, maximum: 0.4 }, /at # allows no number/],
    [{ type: 'number', minimum: '0' }, /has "0" at #\/minimum, wanted a number/],
    [{ type: 'string', minLength: 3, pattern: '^a?$' }, /at # allows no string: none of the wanted length matches/],
    [{ type: 'string', maxLength: 35, format: 'uuid' }, /at # allows no string/],
    [{ type: 'string', minLength: 20_000, pattern: 'a' }, /#\/pattern: the wanted form is too complicated/],
    [{ type: 'string', pattern: '(' }, /#\/pattern: the regular expression "\(" is not valid: [^/]+\.$/],
    [{ type: 'integer', multipleOf: 0 }, /has 0 at #\/multipleOf, wanted a number above 0/],
    [{ type: 'integer', multipleOf: 7, minimum: 8, maximum: 13 }, /at # allows no whole number/],
    [
      { type: 'integer', multipleOf: 99_991 },
      /multipleOf 99991 at #\/multipleOf, which is not supported: .*count too far/,
    ],
    [{ type: 'number', multipleOf: 1e20 }, /too far apart/],
    [{ type: 'array', uniqueItems: true }, /uniqueItems at #\/uniqueItems, .*at most 10 values/],
    [{ type: 'array', items: { type: 'boolean' }, uniqueItems: true, minItems: 3 }, /allows no list: .* have 2 values/],
    [{ type: 'array', items: true, prefixItems: [true], uniqueItems: true }, /uniqueItems beside prefixItems/],
    [{ type: 'string', minLength: 3, maxLength: 2 }, /allows no string/],
    [{ type: 'array', minItems: 3, maxItems: 2 }, /allows no list/],
    [{ type: 'object', propertyNames: { pattern: 'a' } }, /propertyNames at #\/propertyNames/],
    [false, /no text has the wanted form/],
    [{ type: 'object', properties: { a: false }, required: ['a'] }, /no text has the wanted form/],
    [
      {
        $ref: '#/$defs/a',
        $defs: { a: { type: 'object', properties: { x: { $ref: '#/$defs/a' } }, required: ['x'] } },
      },
      /no text has the wanted form/,
    ],
    [{ $ref: '#' }, /no text has the wanted form/],
    [{ type: 'array', items: { type: 'text' } }, /has "text" at #\/items\/type, wanted one of object/],
    [{ type: 'string', pattern: '(?=a)' }, /#\/pattern: the regular expression .* has \(\?=a/],
    [{ type: 'string', format: 'color' }, /format "color" at #\/format.*known are date/],
    [{ $ref: 'http://x/y' }, /only places in the same schema/],
    [{ $ref: '#/%zz' }, /"%zz" in a reference at #\/\$ref/],
    [{ $ref: '#/$defs/x' }, /has no #\/\$defs\/x, which #\/\$ref names/],
    [{ oneOf: [{ type: 'number' }, { type: 'integer' }] }, /oneOf of schemas that may both hold/],
    [{ anyOf: [{}], minLength: 3 }, /'minLength' beside 'anyOf'/],
    [{ type: 'integer', minimum: 3, maximum: 2 }, /allows no whole number/],
    [{ type: 'object', required: ['a'], additionalProperties: false }, /names "a", which properties lacks/],
    ['x' as never, /at # came as "x"/],
  ])('of what is not supported is an error with its place: %j', (schema, message) => {
    expect(() => jsonSchemaMask(tokenizer, schema)).toThrow(message);
  });
});

test('schemas that are too deep or too long are errors', () => {
  const deep = Array.from({ length: 9000 }).reduce<JsonSchema>((items) => ({ items }), true);
  expect(() => jsonSchemaMask(tokenizer, deep)).toThrow(/nested too deeply|cannot be written as JSON/);
  const long = { enum: ['a'.repeat(300_000)] };
  expect(() => jsonSchemaMask(tokenizer, long)).toThrow(/has 3\d{5} characters, and 200000 are the most/);
  const circle: { items?: unknown } = {};
  circle.items = circle;
  expect(() => jsonSchemaMask(tokenizer, circle as JsonSchema)).toThrow(/cannot be written as JSON/);
});

describe('output under a regular expression', () => {
  test.each([
    '[a-z]{3,5}',
    'yes|no',
    '^(?:a|bc)*d?$',
    '\\d+(?:\\.\\d{1,2})?',
    '[^a-y\\s]{2}',
    '\\u0041\\x42\\u{43}?',
    '[\\w-]+',
    'ü[à-ü]+',
    '.{0,4}',
  ])('matches: %s', (source) => {
    for (let seed = 0; seed < 8; seed++) {
      const text = drawn(regexMask(tokenizer, source), seed, 100);
      if (text !== undefined) expect(text).toMatch(new RegExp(`^(?:${source})$`, 'u'));
    }
  });

  test('that cannot be followed is an error', () => {
    expect(() => regexMask(tokenizer, '(a')).toThrow(/^the regular expression "\(a" is not valid: [^/]+\.$/);
    expect(() => regexMask(tokenizer, 'a\\b')).toThrow(/has \\b, which is not supported/);
    expect(() => regexMask(tokenizer, '(a)\\1')).toThrow(/has \\1/);
  });
});

describe('masks', () => {
  const schema = (length: number) => ({ type: 'array', items: { type: 'string' }, maxItems: length });

  test('are made once for a tokenizer and a form, and the least recently used is forgotten', () => {
    const first = jsonSchemaMask(tokenizer, schema(1));
    expect(jsonSchemaMask(tokenizer, { ...schema(1) })).toBe(first);
    expect(regexMask(tokenizer, 'a')).not.toBe(jsonMask(tokenizer));
    for (let length = 2; length < 8; length++) {
      jsonSchemaMask(tokenizer, schema(length));
      expect(jsonSchemaMask(tokenizer, schema(1))).toBe(first);
    }
    for (let length = 10; length < 18; length++) jsonSchemaMask(tokenizer, schema(length));
    expect(jsonSchemaMask(tokenizer, schema(1))).not.toBe(first);
  });

  test('look through the vocabulary once for each place in a text, also where it may end', () => {
    const mask = regexMask(tokenizer, '[0-9]*');
    const look = vi.spyOn(TokenTrie.prototype, 'allowed');
    const sequence = mask.begin(ends);
    const digit = tokenizer.encode('7', { addSpecialTokens: false }).at(-1) as number;
    sequence.accept(digit);
    const set = sequence.allowed();
    for (let i = 0; i < 5; i++) {
      sequence.accept(digit);
      expect(sequence.allowed()).toBe(set);
    }
    expect(mask.begin(ends).allowed()[END >>> 5]).not.toBe(mask.begin(new Set([1])).allowed()[END >>> 5]);
    expect(look.mock.calls.length).toBeLessThanOrEqual(3);
    look.mockRestore();
  });

  test('of a large vocabulary are prepared in slices, between which all else runs; they are the same', async () => {
    const [sliced, whole, both] = await Promise.all([1, 2, 3].map(() => open('models/granite-tiny')));
    let turns = 0;
    let isDone = false;
    const turn = () => {
      turns++;
      if (!isDone) setImmediate(turn);
    };
    setImmediate(turn);
    await prepareMasks(sliced);
    isDone = true;
    expect(turns).toBeGreaterThan((2 * (sliced as Tokenizer).vocabSize) / 1000);
    const preparing = prepareMasks(both);
    const sets = [sliced, whole, both].map((one) =>
      ['.*', '[a-f ]+', '[0-9]{2}'].map((source) => regexMask(one, source).begin(ends).allowed()),
    );
    await preparing;
    expect(sets[0]).toEqual(sets[1]);
    expect(sets[2]).toEqual(sets[1]);
  });

  test('of forms that would take for ever are errors', () => {
    const sequence = () => regexMask(tokenizer, '(?:(?:a?){1,9999}b?){1,9999}(?:(?:a?c?){1,9999}){1,9999}').begin(ends);
    expect(() => sequence().allowed()).toThrow(/too complicated/);
    // Long lists of names and of values are none of them.
    const names = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`p${i}`, {}]));
    const many = jsonSchemaMask(tokenizer, { type: 'object', properties: names });
    expect(() => drawn(many, 1, 20)).not.toThrow();
    const list = jsonSchemaMask(tokenizer, { enum: Array.from({ length: 5000 }, (_, i) => `v${i}`) });
    expect(drawn(list, 1)).toMatch(/^"v\d+"$/);
  });
});
