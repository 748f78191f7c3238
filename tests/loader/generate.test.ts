/** Laws of the generation loop: what cannot work is refused before anything is computed, and nothing is left behind. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PromptOptions } from '../../src/api/generation-call.ts';
import { Model, partsOf } from '../../src/api/model.ts';
import type { Prompt } from '../../src/api/prompt.ts';
import { opsOf } from '../../src/backends/eager.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { UsageError } from '../../src/base/errors.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { fill } from '../../src/loader/fill.ts';
import { openModel } from '../../src/loader/open.ts';

const folderOf = (name: string) => localFolder(fileURLToPath(new URL(`../golden/${name}`, import.meta.url)));

describe('a model with 8 positions', () => {
  let model: Model;
  let steps: number;
  beforeAll(async () => {
    const backend = createReferenceBackend();
    const counting = {
      ...backend,
      step<R>(body: () => Promise<R>): Promise<R> {
        steps++;
        return backend.step(body);
      },
    };
    model = await Model.load(await openModel(folderOf('backpack-formula')), counting);
  });
  afterAll(() => model.dispose());

  const context = 8;
  const all = async (prompt: Prompt | readonly (readonly number[])[], options?: PromptOptions) => {
    const given = [];
    for await (const step of model.generate(prompt as Prompt, options)) given.push(step);
    return given;
  };

  const bad: [string, Prompt | readonly (readonly number[])[], PromptOptions, RegExp][] = [
    ['an id beyond the vocabulary', [1, 23], {}, /23/],
    ['a negative id', [-1], {}, /-1/],
    ['half an id', [1.5], {}, /1\.5/],
    ['an id that is no number', [Number.NaN], {}, /NaN/],
    ['a bad id in the second prompt', [[1], [99]], {}, /99/],
    ['a bad id when no token is wanted', [99], { maxNewTokens: 0 }, /99/],
    ['no token', [], {}, /at least one/],
    ['no token in the second prompt', [[1], []], {}, /at least one/],
    ['more tokens than positions', new Array(context + 1).fill(1), {}, /9 tokens/],
    ['text without a tokenizer', 'text', {}, /tokenizer/],
    ['a stop text without a tokenizer', [1], { stop: 'x' }, /stopIds/],
    ['a fractional count', [1], { maxNewTokens: 1.5 }, /maxNewTokens/],
    ['a negative count', [1], { maxNewTokens: -1 }, /maxNewTokens/],
    ['fractional alternatives', [1], { alternatives: 0.5 }, /alternatives/],
    ['an unknown option', [1], { temprature: 1 } as PromptOptions, /temprature/],
    ['an option of the language', [1], { toString: 1 } as unknown as PromptOptions, /toString/],
    ['a temperature below 0', [1], { temperature: -1 }, /temperature/],
    ['topP above 1', [1], { topP: 2 }, /topP/],
    ['a bias of no id', [1], { logitBias: { x: 1 } }, /logitBias/],
  ];
  test.each(bad)('%s is refused by name before anything is computed', async (_, prompt, options, message) => {
    const before = partsOf(model).engine.backend.memory().liveBytes;
    steps = 0;
    const error = await all(prompt, options).catch((error) => error);
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toMatch(message);
    expect(steps).toBe(0);
    expect(partsOf(model).engine.backend.memory().liveBytes).toBe(before);
  });

  test('a state that is nearly full is counted', async () => {
    const state = model.newState();
    await all([1, 2, 3, 4, 5], { state, maxNewTokens: 1, ignoreEnd: true });
    expect(state.length).toBe(6); // what was given out is read too
    await expect(all([1, 2, 3], { state })).rejects.toThrow(/9 tokens/);
    expect(state.length).toBe(6);
    await expect(all([[1], [2]], { state })).rejects.toThrow(UsageError);
    state.dispose();
    await expect(all([1], { state })).rejects.toThrow(UsageError);
  });

  test('a full context ends a text, and is not an error', async () => {
    const steps = await all([1, 2, 3], { maxNewTokens: 100, ignoreEnd: true });
    expect(steps.at(-1)?.finishReason).toBe('length');
    expect(steps.filter(({ id }) => id !== undefined)).toHaveLength(context - 3 + 1);
    expect(await all([1], { maxNewTokens: 0 })).toEqual([{ index: 0, text: '', finishReason: 'length' }]);
  });

  test('a stop id ends a text, and is given out', async () => {
    const [first] = await all([1, 2], { maxNewTokens: 1, ignoreEnd: true });
    const stopped = await all([1, 2], { stopIds: [first?.id as number] });
    expect(stopped.map(({ id }) => id)).toEqual([first?.id, undefined]);
    expect(stopped.at(-1)?.finishReason).toBe('stop');
  });

  test('leaving early, and aborting, leave no memory taken', async () => {
    const before = partsOf(model).engine.backend.memory().liveBytes;
    for await (const step of model.generate([1, 2], { ignoreEnd: true })) if (step.id !== undefined) break;
    const stop = new AbortController();
    const aborted = async () => {
      for await (const _ of model.generate([1, 2], { ignoreEnd: true, signal: stop.signal })) stop.abort();
    };
    await expect(aborted()).rejects.toMatchObject({ name: 'AbortError' });
    expect(partsOf(model).engine.backend.memory().liveBytes).toBe(before);
  });
});

describe('filling', () => {
  test('counts every byte once, and stops when told to', async () => {
    const opened = await openModel(folderOf('granite-untied'));
    const seen: number[] = [];
    let total = 0;
    const backend = createReferenceBackend();
    await fill(opened.plan, backend, opsOf(backend), {
      onProgress: (progress) => {
        seen.push(progress.loaded);
        total = progress.total;
      },
    });
    expect(seen.at(-1)).toBe(total);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    const stop = new AbortController();
    const failing = fill(opened.plan, backend, opsOf(backend), {
      signal: stop.signal,
      onProgress: () => stop.abort(),
    });
    await expect(failing).rejects.toMatchObject({ name: 'AbortError' });
    await opened.checkpoint.close();
  });

  test('of a model whose file ends early, or whose reading is aborted, closes its files', async () => {
    const inner = folderOf('granite-tied');
    const counts = { opened: 0, closed: 0 };
    const folder = {
      ...inner,
      async open(file: string) {
        const source = await inner.open(file);
        if (!source) return undefined;
        counts.opened++;
        return {
          ...source,
          close() {
            counts.closed++;
            return source.close();
          },
        };
      },
    };
    const opened = await openModel(folder);
    const load = Model.load(opened, createReferenceBackend(), { signal: AbortSignal.abort() });
    await expect(load).rejects.toMatchObject({ name: 'AbortError' });
    expect(counts.closed).toBe(counts.opened);
  });
});

describe('stop texts in a model with a tokenizer', () => {
  const shipped = fileURLToPath(new URL('../../models/', import.meta.url));

  test.each(['granite-tiny'])('%s ends before the text, wherever it lies among the tokens', async (name) => {
    const opened = await openModel(localFolder(shipped + name)).catch(() => undefined);
    if (!opened) return; // the small models are not made yet
    const model = await Model.load(opened, createReferenceBackend());
    const { text } = await model.complete('Once', { maxNewTokens: 12, ignoreEnd: true });
    for (const [from, to] of [
      [3, 5],
      [5, 12],
      [8, 9],
    ] as const) {
      const stop = text.slice(from, to);
      const stopped = await model.complete('Once', { maxNewTokens: 12, ignoreEnd: true, stop });
      expect(stopped.text).toBe(text.slice(0, text.indexOf(stop)));
      expect(stopped.finishReason).toBe('stop');
    }
    await model.dispose();
  });
});
