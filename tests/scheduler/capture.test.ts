/** Captures share steps with all other requests: the same values, in pieces, with a size that is known before. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { captureSize } from '../../src/api/capture-bytes.ts';
import { embed } from '../../src/api/embed.ts';
import { Model, partsOf } from '../../src/api/model.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { openModel } from '../../src/loader/open.ts';
import { StateMemoryError } from '../../src/scheduler/errors.ts';
import type { StepReport } from '../../src/scheduler/options.ts';
import { Scheduler } from '../../src/scheduler/scheduler.ts';
import { readGolden } from '../goldens.ts';

const text = (length: number, first = 1) => Array.from({ length }, (_, i) => 1 + ((i + first) % 9));

describe.each(['granite-untied', 'backpack-hub', 'granite-moe-10', 'mamba-odd', 'bitnet-tiny'])('%s', (name) => {
  let model: Model;
  beforeAll(async () => {
    const { folder } = await readGolden(name);
    const backend = await createWasmBackend({ platform: nodePlatform, threads: 1 });
    model = await Model.load(await openModel(localFolder(folder)), backend);
  });
  afterAll(() => model.dispose());

  const length = () => Math.min(50, model.facts.contextLength ?? 50);

  it('the values of all sites are those that the model gives alone, beside others', async () => {
    await using scheduler = new Scheduler(model, { stepTokens: 32, promptTokens: 7 });
    const sites = model.sites.map((site) => site.name);
    for (const from of [0, 3]) {
      const alone = await model.capture(text(length()), { sites, from });
      const decoding = (async () => {
        for await (const _ of scheduler.generate(text(3), { maxNewTokens: 12, ignoreEnd: true }));
      })();
      const [captured, other] = await Promise.all([
        scheduler.capture(text(length()), { sites, from }),
        scheduler.capture(text(length() - 9, 4), { sites: ['hidden'] }),
        decoding,
      ]);
      expect(captured).toEqual(alone);
      expect(other).toEqual(await model.capture(text(length() - 9, 4), { sites: ['hidden'] }));
    }
    expect(model.stateMemory.usedBytes).toBe(scheduler.stats.cacheBytes);
  });

  it('their size is known before anything is read', async () => {
    for (const from of [0, 5]) {
      const values = await model.capture(text(length()), { sites: ['*'], from });
      const bytes = [...values.values()].reduce((sum, { data }) => sum + data.length * 4, 0);
      expect(captureSize(partsOf(model), ['*'], { from, to: length() })).toBe(bytes);
    }
    expect(() => captureSize(partsOf(model), ['nothing'], { from: 0, to: 1 })).toThrow(/no site/);
  });

  it('vectors of texts are those of the model, and who decodes gets a token in each step meanwhile', async () => {
    const reports: StepReport[] = [];
    await using scheduler = new Scheduler(model, {
      ...{ stepTokens: 32, promptTokens: 8 },
      onStep: (report) => reports.push(report),
    });
    const steps = scheduler.generate(text(3), { maxNewTokens: 10, ignoreEnd: true });
    await steps.next();
    const texts = [0, 1, 2].map((i) => text(length() - i, i));
    const found = Promise.all(texts.map((one) => embed(model, one, {}, scheduler)));
    for await (const _ of steps);
    expect(await found).toEqual(await Promise.all(texts.map((one) => embed(model, one))));
    const shared = reports.filter(({ generatedTokens, promptTokens }) => generatedTokens > 0 && promptTokens > 0);
    expect(shared.length).toBeGreaterThan(0);
    expect(shared.every(({ promptTokens }) => promptTokens <= 8)).toBe(true);
  });

  it('what is captured counts as memory: it waits for room, or is refused when there can be none', async () => {
    const bytes = captureSize(partsOf(model), ['hidden'], { from: 0, to: length() });
    const state = partsOf(model).engine.pool.bytesFor(length());
    let most = 0;
    const scheduler = new Scheduler(model, {
      ...{ memory: 2 * (bytes + state) - 1, cacheBytes: 0 },
      onStep: () => {
        most = Math.max(most, scheduler.stats.running);
      },
    });
    await Promise.all([1, 2, 3].map((i) => scheduler.capture(text(length(), i), { sites: ['hidden'] })));
    expect(most).toBe(1);
    await scheduler.close();
    await using small = new Scheduler(model, { memory: bytes + state - 1 });
    await expect(small.capture(text(length()), { sites: ['hidden'] })).rejects.toThrow(StateMemoryError);
  });

  it('what only a model alone can do is refused', async () => {
    await using scheduler = new Scheduler(model);
    const state = model.newState();
    await expect(scheduler.capture(text(3), { sites: ['hidden'], state })).rejects.toThrow(/'state'/);
    state.dispose();
  });
});
