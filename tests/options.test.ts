/** Options and prompts that are none: told before anything is loaded or computed, with what there is. */
import { fileURLToPath, pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkPrompt, promptList } from '../src/api/prompt.ts';
import { memoryFolder } from '../src/checkpoint/folder-memory.ts';
import { localFolder } from '../src/checkpoint/folder-node.ts';
import * as node from '../src/node.ts';
import * as web from '../src/web.ts';

const { fromPretrained, openPretrained, UsageError } = node;
const shipped = fileURLToPath(new URL('../models/granite-tiny', import.meta.url));

/** What a call fails with, which must be a UsageError. */
async function told(call: () => unknown): Promise<string> {
  const error = await (async () => call())().then(
    () => new Error('nothing was refused'),
    (error: Error) => error,
  );
  if (!(error instanceof UsageError)) throw error;
  return error.message;
}

// biome-ignore lint/suspicious/noExplicitAny: these are the mistakes of those who have no types
type Wrong = any;

const ENTRIES: [string, (options: Wrong, reference?: Wrong) => Promise<unknown>][] = [
  ['fromPretrained in Node', (options, reference = shipped) => node.fromPretrained(reference, options)],
  ['openPretrained in Node', (options, reference = shipped) => node.openPretrained(reference, options)],
  ['fromPretrained on the web', (options, reference = localFolder(shipped)) => web.fromPretrained(reference, options)],
  ['openPretrained on the web', (options, reference = localFolder(shipped)) => web.openPretrained(reference, options)],
];

describe.each(ENTRIES)('%s', (_, call) => {
  test.each([
    [{ dtype: 'q4' }, /no option 'dtype'; here it is called 'weights'\. Its options are weights, .*keyValues.*threads/],
    [{ torch_dtype: 'q4' }, /here it is called 'weights'/],
    [{ weigths: 'q4' }, /no option 'weigths'; did you mean 'weights'\?/],
    [{ Threads: 1 }, /did you mean 'threads'/],
    [{ xyzzy: 1 }, /no option 'xyzzy'\. Its options are/],
    [{ weights: 'int8' }, /weights came as "int8", wanted one of auto, f32, bf16, f16, q8, q4, ternary/],
    [{ weights: 8 }, /weights came as 8/],
    [{ weights: null }, /weights came as null/],
    [{ keyValues: 'q8' }, /keyValues came as "q8", wanted one of f32, f16, i8/],
    [{ threads: 0 }, /threads came as 0, wanted a whole number from 1 on/],
    [{ threads: '2' }, /threads came as "2"/],
    [{ threads: Number.NaN }, /threads came as NaN/],
    [{ relaxedSimd: 'no' }, /relaxedSimd came as "no", wanted true or false/],
    [{ memoryBytes: -1 }, /memoryBytes came as -1/],
    [{ ignoreConfigKeys: 'a,b' }, /ignoreConfigKeys came as "a,b", wanted a list of texts/],
    [{ config: [] }, /config came as \[\], wanted an object/],
    [{ generationConfig: 'off' }, /generationConfig came as "off", wanted an object, or false/],
    [{ revision: 5 }, /revision came as 5/],
    [{ tokenizer: 5 }, /tokenizer came as 5/],
    [{ onWarning: true }, /onWarning came as true, wanted a function/],
    [{ signal: 'x' }, /signal came as "x", wanted an AbortSignal/],
    ['q4', /options of .* came as "q4", wanted an object/],
    [null, /came as null/],
    [['q4'], /wanted an object/],
  ])('%j', async (options, message) => {
    expect(await told(() => call(options))).toMatch(message);
  });

  test.each([undefined, null, 5, {}, ['granite-tiny']])('a model called %j', async (reference) => {
    expect(await told(() => call({}, reference === undefined ? null : reference))).toMatch(/for a model, wanted/);
  });
});

test('options that are absent or undefined are none', async () => {
  const opened = await openPretrained(shipped, { weights: undefined, threads: undefined, hub: undefined });
  expect(opened.weights).toBe('auto');
  await opened.checkpoint.close();
  await (await web.openPretrained(localFolder(shipped))).checkpoint.close();
});

test('options of the hub, of saving and of quantising are checked too', async () => {
  expect(await told(() => fromPretrained(shipped, { hub: { cachedir: '/x' } as Wrong }))).toMatch(
    /did you mean 'cacheDir'/,
  );
  const opened = await openPretrained(shipped, { weights: 'q8' });
  expect(await told(() => node.quantizeModel(opened, '/nowhere', { maxShardbytes: 1 } as Wrong))).toMatch(
    /'maxShardBytes'/,
  );
  const again = await openPretrained(shipped);
  expect(await told(() => node.loadOpened(again, { weight: 'q4' } as Wrong))).toMatch(/'weights'/);
  expect(await told(() => node.openModel(memoryFolder(new Map()), { threads: 1 } as Wrong))).toMatch(/'threads'/);
  expect(await told(() => node.openTokenizerOf(shipped, { dtype: 'x' } as Wrong))).toMatch(/dtype/);
});

describe('a loaded model', () => {
  let model: node.Model;
  beforeAll(async () => {
    model = await fromPretrained(shipped, { threads: 1 });
  });
  afterAll(() => model.dispose());

  test.each([
    [{ max_new_tokens: 3 }, /'max_new_tokens'; did you mean 'maxNewTokens'/],
    [{ maxTokens: 3 }, /here it is called 'maxNewTokens'/],
    [{ temprature: 1 }, /did you mean 'temperature'\? Its options are maxNewTokens, .*stop.*temperature.*seed.*state/],
    [{ do_sample: true }, /here it is called 'temperature'/],
    [{ maxNewTokens: '3' }, /maxNewTokens came as "3"/],
    [{ maxNewTokens: Number.NaN }, /maxNewTokens came as NaN/],
    [{ stop: 5 }, /stop came as 5, wanted a text or a list of texts/],
    [{ stopIds: 5 }, /stopIds came as 5, wanted a list of token ids/],
    [{ ignoreEnd: 1 }, /ignoreEnd came as 1/],
    [{ state: {} }, /state came as \{\}, wanted a State, as newState\(\) gives/],
    [{ cache: {} }, /cache came as \{\}, wanted a PrefixCache/],
    [{ badWordsIds: [5] }, /badWordsIds came as \[5\], wanted a list of lists/],
    ['x', /options of generation came as "x"/],
  ])('generates with no option %j', async (options, message) => {
    expect(await told(() => model.complete('Once', options as Wrong))).toMatch(message);
    expect(await told(() => model.generate(['Once'], options as Wrong).next())).toMatch(message);
  });

  test('scores, shows logits, captures, saves and keeps prefixes with none that does not exist', async () => {
    expect(await told(() => model.score('x', { top: 3 } as Wrong))).toMatch(/score has no option 'top'/);
    expect(await told(() => model.score('x', { alternatives: -1 }))).toMatch(/alternatives came as -1/);
    expect(await told(() => model.logits('x', { window: 3 } as Wrong))).toMatch(/logits has no option 'window'/);
    expect(await told(() => model.capture('x', undefined as Wrong))).toMatch(/capture needs the names of sites/);
    expect(await told(() => model.capture('x', { sites: 'hidden' } as Wrong))).toMatch(
      /sites came as "hidden", wanted a list/,
    );
    expect(await told(() => model.capture('x', { sites: ['hidden'], replaces: {} } as Wrong))).toMatch(/'replace'/);
    expect(await told(() => node.saveModel(model, '/nowhere', { shards: 1 } as Wrong))).toMatch(
      /saveModel has no option/,
    );
    expect(await told(() => model.newPrefixCache({ maxbytes: 1 } as Wrong))).toMatch(/did you mean 'maxBytes'/);
    expect(await told(() => node.compare(model, model, 'x y', { windows: 3 } as Wrong))).toMatch(
      /did you mean 'window'/,
    );
  });

  const PROMPTS: [Wrong, RegExp][] = [
    [undefined, /a prompt came as undefined, wanted a text or token ids, as in \[1, 2, 3\]/],
    [null, /a prompt came as null/],
    [5, /a prompt came as 5/],
    [Number.NaN, /a prompt came as NaN/],
    [true, /a prompt came as true/],
    [{}, /a prompt came as \{\}/],
    [new BigInt64Array(2), /a prompt came as a BigInt64Array/],
    [[1, null], /a list with null in it/],
    [[1, undefined], /a list with undefined in it/],
    [[1, '2'], /list of several/],
    [[Number.NaN], /token id NaN does not exist/],
    [[1.5], /token id 1.5 does not exist/],
    [Float64Array.of(1.5), /token id 1.5 does not exist/],
    [[{ role: 'user', content: 'Hello' }], /list of messages: give it as \{ messages/],
  ];
  test.each(PROMPTS.map(([prompt, message]) => ({ prompt, message })))(
    'reads no prompt: $message',
    async ({ prompt, message }) => {
      const calls = [
        () => model.complete(prompt),
        () => model.generate(prompt).next(),
        () => model.score(prompt),
        () => model.logits(prompt),
        () => model.capture(prompt, { sites: ['hidden'] }),
      ];
      for (const call of calls) expect(await told(call)).toMatch(message);
      expect(await told(() => model.generate(['Once', prompt]).next())).toMatch(/prompt|token id/);
    },
  );

  test('one prompt is not several, nor several one', async () => {
    for (const several of [['a', 'b'], [[1, 2]], [Int32Array.of(1)]] as Wrong[])
      expect(await told(() => model.complete(several))).toMatch(/list of several.*generate\(\) takes several/);
  });

  test('ids in arrays of every type of whole numbers are ids', async () => {
    const ids = [5, 6, 100];
    const wanted = await model.complete(ids, { maxNewTokens: 3 });
    for (const type of [Int8Array, Uint8Array, Int16Array, Uint16Array, Int32Array, Uint32Array])
      expect(await model.complete(type.from(ids), { maxNewTokens: 3 })).toEqual(wanted);
    expect((await model.score(Uint16Array.from(ids))).tokens.map(({ id }) => id)).toEqual(ids);
    const texts: string[] = ['', '', ''];
    for await (const { index, text } of model.generate([Int32Array.from(ids), ids, '%&'], { maxNewTokens: 3 }))
      texts[index] += text;
    expect(texts.slice(0, 2)).toEqual([wanted.text, wanted.text]);
  });
});

test('anything at all is a prompt or a UsageError', () => {
  fc.assert(
    fc.property(fc.anything({ withTypedArray: true, withSparseArray: true, withBigInt: true }), (value) => {
      for (const read of [checkPrompt, promptList]) {
        try {
          expect(typeof read(value)).toMatch(/string|object/);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
        }
      }
    }),
  );
});

test('a model is also the file: URL of its folder, as in the browser', async () => {
  const url = pathToFileURL(shipped);
  for (const reference of [url, url.href]) {
    const { checkpoint, family } = await openPretrained(reference);
    await checkpoint.close();
    expect(family).toBe('granite');
  }
  expect(await told(() => openPretrained(`${url.href}-nosuch`))).toMatch(/granite-tiny-nosuch' is no folder/);
  expect(await told(() => openPretrained('file://elsewhere/granite-tiny'))).toMatch(/is no file of this machine/);
});

test('what changes nothing is told: a revision of a folder, and keys to ignore that config.json does not have', async () => {
  const warnings: string[] = [];
  const options = {
    revision: 'v2',
    ignoreConfigKeys: ['use_cache', 'use_cash'],
    onWarning: (text: string) => warnings.push(text),
  };
  const { checkpoint } = await openPretrained(shipped, options);
  await checkpoint.close();
  expect(warnings).toEqual([
    `'${shipped}' is not taken from the hub, so the revision 'v2' changes nothing.`,
    "config.json has no 'use_cash' to ignore.",
  ]);
});

test('a tokenizer takes texts', async () => {
  const { checkpoint, tokenizer } = await openPretrained(shipped);
  await checkpoint.close();
  expect(await told(() => tokenizer?.encode(5 as Wrong))).toMatch(/encode got 5, wanted a text/);
});
