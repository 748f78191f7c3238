/** What is hidden in the scans of state space layers equals the formulas on values inside of the reference. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { effectiveAttention } from '../../src/analysis/ssm/attention.ts';
import { stateNorms } from '../../src/analysis/ssm/norms.ts';
import { logitSources } from '../../src/analysis/ssm/sources.ts';
import { memorySpans } from '../../src/analysis/ssm/spans.ts';
import { stepSizes } from '../../src/analysis/ssm/steps.ts';
import { transplantState } from '../../src/analysis/ssm/transplant.ts';
import { fromPretrained } from '../../src/node.ts';
import { type Case, caseOf, expectNear, insidesOf, someBackends, TOLERANCE } from './insides.ts';

describe.each(someBackends)('on the %s backend', (_, create) => {
  describe.each(['mamba-odd', 'mamba-tri', 'falcon-mamba', 'mamba-tiny'])('%s', (name) => {
    let of: Case;
    let wanted: Awaited<ReturnType<typeof insidesOf>>;

    beforeAll(async () => {
      of = await caseOf(name, create);
      wanted = await insidesOf(`scans-${name}`);
    });
    afterAll(() => of.model.dispose());

    it('has the effective attention of the formula', async () => {
      const channels = wanted('channelIds').data;
      const { layers, tokens } = await effectiveAttention(of.model, of.golden.ids, { channels });
      expect(tokens.map(({ id }) => id)).toEqual(of.golden.ids);
      expectNear(
        layers.map(({ signed }) => signed),
        wanted('signed').data,
        'signed',
      );
      expectNear(
        layers.map(({ absolute }) => absolute),
        wanted('absolute').data,
        'absolute',
      );
      expectNear(
        layers.map((layer) => layer.channels.map(({ weights }) => weights)),
        wanted('channels').data,
        'channels',
      );
    });

    it('has the norms of the recurrence, whose last state is the captured one', async () => {
      const { layers } = await stateNorms(of.model, of.golden.ids);
      expectNear(
        layers.map(({ norm }) => norm),
        wanted('norms').data,
        'norms',
      );
      const captured = await of.model.capture(of.golden.ids, { sites: ['blocks.*.ssmState'] });
      const last = layers.map(({ layer }) => captured.get(`blocks.${layer}.ssmState`)?.data ?? []);
      const norm = (x: ArrayLike<number>) => Math.sqrt(Array.from(x).reduce((sum, h) => sum + h * h, 0));
      expectNear(
        layers.map(({ norm }) => norm.at(-1)),
        last.map(norm),
        'last norms',
      );
    });

    it('has what each token adds to a logit, and all parts sum to it', async () => {
      const word = wanted('word').data[0] as number;
      const found = await logitSources(of.model, of.golden.ids, { word });
      const most = Math.max(...wanted('sources').data.map(Math.abs));
      expectNear(
        found.layers.map(({ sources }) => sources),
        wanted('sources').data,
        'sources',
      );
      expectNear(
        found.layers.map(({ skip }) => skip),
        wanted('skip').data,
        'skip',
        (TOLERANCE * most) / Math.max(...wanted('skip').data.map(Math.abs)),
      );
      for (const [i, { rest }] of found.layers.entries())
        expect(Math.abs(rest - (wanted('bias').data[i] as number))).toBeLessThan(TOLERANCE * most);
      expectNear([found.embed], wanted('embed').data, 'embed');
      expect(Math.abs(found.logit - (wanted('logit').data[0] as number))).toBeLessThan(TOLERANCE * most);
      expect(Math.abs(found.rest)).toBeLessThan(TOLERANCE * most);
    });

    it('has the difference of two logits as the difference of their sources, also in the middle of a text', async () => {
      const options = { position: -2 };
      const [one, other, both] = [
        await logitSources(of.model, of.golden.ids, { ...options, word: 5 }),
        await logitSources(of.model, of.golden.ids, { ...options, word: 9 }),
        await logitSources(of.model, of.golden.ids, { ...options, word: 5, against: 9 }),
      ];
      expect(both.tokens).toHaveLength(of.golden.ids.length - 1);
      expectNear(
        both.sources,
        one.sources.map((x, s) => x - (other.sources[s] as number)),
        'difference',
      );
    });

    it('has the step sizes and the half-lives', async () => {
      const { layers } = await stepSizes(of.model, of.golden.ids);
      expectNear(
        layers.map(({ mean }) => mean),
        wanted('steps').data,
        'steps',
      );
      const { shape, data } = wanted('halfLife');
      const [, channels = 0, states = 0] = shape;
      const spans = await memorySpans(of.model, of.golden.ids, { top: 3 });
      const slowest = Array.from({ length: data.length / states }, (_, i) =>
        Math.max(...data.slice(i * states, (i + 1) * states)),
      );
      expectNear(
        spans.layers.map((layer) => layer.channels),
        slowest,
        'half-lives',
      );
      const [first] = spans.layers;
      const best = Math.max(...slowest.slice(0, channels));
      expect(first?.longest[0]?.halfLife).toBeCloseTo(best, Math.max(0, 3 - Math.floor(Math.log10(best))));
      expect(first?.slowest.most).toBe(first?.longest[0]?.halfLife);
    });
  });
});

describe('transplanting a state', () => {
  const [donor, text] = ['The king and the queen had a daughter', ' who was very'];

  it('of all layers goes on as the other text would, and emptying it as if nothing had been read', async () => {
    const model = await fromPretrained('mamba-tiny', { threads: 1 });
    const [before, ids] = [model.encode(donor), model.encode(text)];
    const next = async (prompt: readonly number[]) => {
      const { data, shape } = await model.logits(prompt);
      const last = Array.from(data.slice(-(shape[1] as number)));
      return last.indexOf(Math.max(...last));
    };
    const { predictions } = await transplantState(model, [7, 8, ...ids], { from: donor, at: 2, top: 1 });
    const [own, empty, other] = predictions;
    expect(own).toMatchObject({ state: 'own', klFromOwn: 0, top: [{ id: await next([7, 8, ...ids]) }] });
    expect(empty).toMatchObject({ state: 'empty', top: [{ id: await next(ids) }] });
    expect(other).toMatchObject({ state: 'other', top: [{ id: await next([...before, ...ids]) }] });
    const { tokens } = await model.score([...before, ...ids, other?.top[0]?.id as number]);
    expect(other?.top[0]?.logprob).toBeCloseTo(tokens.at(-1)?.logprob as number, 5);
    const alone = await model.score([...ids, empty?.top[0]?.id as number]);
    expect(empty?.top[0]?.logprob).toBeCloseTo(alone.tokens.at(-1)?.logprob as number, 5);
    const some = await transplantState(model, [7, 8, ...ids], { from: donor, at: 2, layers: [5], keepWindow: true });
    expect(some.predictions[2]?.klFromOwn).toBeGreaterThan(0);
    await model.dispose();
  });
});

describe('texts of several steps', () => {
  it('give the same norms and step sizes as one step', async () => {
    const model = await fromPretrained('mamba-tiny', { threads: 1 });
    const ids = Array.from({ length: 40 }, (_, i) => (i * 37) % 1000);
    const sites = ['blocks.0.dt', 'blocks.0.convOut'];
    const whole = await model.capture(ids, { sites });
    const parts: { at: number; begins: boolean; numbers: number[] }[] = [];
    for await (const { at, begins, values } of model.captureSteps(ids, { sites, stepTokens: 16 }))
      parts.push({ at, begins, numbers: Array.from(values.get('blocks.0.dt')?.data ?? []) });
    expect(parts.map(({ at, begins }) => [at, begins])).toEqual([
      [0, true],
      [16, false],
      [32, false],
    ]);
    expect(parts.flatMap(({ numbers }) => numbers)).toEqual(Array.from(whole.get('blocks.0.dt')?.data ?? []));
    await model.dispose();
  });

  it('are read in windows where they are longer than the context', async () => {
    const model = await fromPretrained('bitnet-tiny', { threads: 1 });
    const text = 'Once upon a time there was a little girl';
    const all = model.encode(text);
    const read: [number, number][] = [];
    for await (const { ids, first, at } of model.captureSteps(text, { sites: ['embed'], window: 6, stepTokens: 4 }))
      for (let row = first; row < ids.length; row++) read.push([at + row - first, ids[row] as number]);
    expect(read).toEqual(all.map((id, i) => [i, id]));
    await model.dispose();
  });
});

describe('what cannot be', () => {
  it('is told with what there is', async () => {
    const model = await fromPretrained('mamba-tiny', { threads: 1 });
    const dense = await fromPretrained('backpack-tiny', { threads: 1 });
    await expect(stepSizes(dense, 'x')).rejects.toThrow(/no state space layers/);
    await expect(stepSizes(model, 'x', { layers: [6] })).rejects.toThrow(/layer 6 .* layers 0 to 5/);
    await expect(stepSizes(model, 'x', { layers: [] })).rejects.toThrow(/list of layers is empty/);
    await expect(stepSizes(model, '')).rejects.toThrow(/text is empty/);
    await expect(logitSources(dense, 'x', { word: 1 })).rejects.toThrow(/no state space layers/);
    await expect(logitSources(model, 'x', { word: 'a king' })).rejects.toThrow(/tokens, wanted one/);
    await expect(logitSources(model, 'x', { word: 1, position: 5 })).rejects.toThrow(/position 5 does not exist/);
    await expect(effectiveAttention(model, 'x', { channels: [256] })).rejects.toThrow(/channel 256 .* 0 to 255/);
    await expect(model.parameter('blocks.0.b')).rejects.toThrow(/no parameter is called .* blocks\.\*\.a/);
    expect(Array.from(await model.parameter('blocks.1.a', { first: 2, count: 1 }))).toEqual(
      Array.from((await model.parameter('blocks.1.a')).slice(32, 48)),
    );
    await model.dispose();
    await dense.dispose();
  });
});
