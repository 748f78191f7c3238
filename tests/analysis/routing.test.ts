/** Routing of mixtures equals what hooks on the reference's routers see. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ablateExperts } from '../../src/analysis/experts/ablation.ts';
import { compareLoads, routingAgreement } from '../../src/analysis/experts/agreement.ts';
import { expertLoad } from '../../src/analysis/experts/load.ts';
import { expertTokens, tokenExperts } from '../../src/analysis/experts/tokens.ts';
import { expertWrites } from '../../src/analysis/experts/writes.ts';
import { fromPretrained, type Model } from '../../src/node.ts';
import { type Case, caseOf, expectNear, insidesOf, someBackends } from './insides.ts';

describe.each(someBackends)('on the %s backend', (_, create) => {
  describe.each(['granite-moe-10', 'granite-moe-40', 'granite-moe-shared', 'granite-tiny'])('%s', (name) => {
    let of: Case;
    let wanted: Awaited<ReturnType<typeof insidesOf>>;

    beforeAll(async () => {
      of = await caseOf(name, create);
      wanted = await insidesOf(`routing-${name}`);
    });
    afterAll(() => of.model.dispose());

    it('has the load, the pairs and the entropies of the reference', async () => {
      const { layers, tokens } = await expertLoad(of.model, of.golden.ids);
      expect(tokens).toBe(of.golden.ids.length);
      expectNear(
        layers.map(({ counts }) => counts),
        wanted('counts').data,
        'counts',
        0,
      );
      expectNear(
        layers.map(({ together }) => together),
        wanted('together').data,
        'together',
        0,
      );
      expectNear(
        layers.map(({ gateShare }) => gateShare),
        wanted('gateShare').data,
        'gateShare',
      );
      expectNear(
        layers.map(({ loadEntropy }) => loadEntropy),
        wanted('loadEntropy').data,
        'loadEntropy',
      );
      expectNear(
        layers.map(({ routerEntropy }) => routerEntropy),
        wanted('routerEntropy').data,
        'routerEntropy',
      );
      expectNear(
        layers.map(({ gateEntropy }) => gateEntropy),
        wanted('gateEntropy').data,
        'gateEntropy',
      );
    });

    it('has what each expert of the last token writes', async () => {
      const { vocabSize: words } = of.model.facts;
      const { writes } = await expertWrites(of.model, of.golden.ids, { position: -1, top: words });
      const { shape, data } = wanted('written'); // [L, A, V], in the order of the gates
      const { tokens } = await tokenExperts(of.model, of.golden.ids);
      const order = tokens.at(-1)!.chosen.flatMap((chosen, layer) => chosen.map(({ expert }) => ({ layer, expert })));
      const found = order.map(({ layer, expert }, i) => {
        const { raised } = writes.find((one) => one.layer === layer && one.expert === expert)!;
        const raw = data.slice(i * words, (i + 1) * words);
        const mean = raw.reduce((sum, one) => sum + one, 0) / words;
        return [...raised].sort((a, b) => a.id - b.id).map(({ logit }) => logit + mean);
      });
      expect(found).toHaveLength((shape[0] as number) * (shape[1] as number));
      expectNear(found, data, 'written');
    });

    it('loses without each expert what the reference loses', async () => {
      const { baseline, ablations, measure } = await ablateExperts(of.model, of.golden.ids);
      expect(measure).toBe('logprob');
      expectNear([baseline], wanted('meanLogprob').data, 'baseline');
      const { data } = wanted('ablation');
      expect(ablations).toHaveLength(data.length);
      const most = Math.abs(baseline); // both are differences of numbers of this size
      ablations.forEach(({ change, tokens }, i) => {
        expect(Math.abs(change - (data[i] as number)), `ablation ${i}`).toBeLessThan(1e-6 * most);
        if (tokens === 0) expect(change).toBe(0);
      });
    });

    it('has as the mean over a text what its tokens write', async () => {
      const [ids, layers, top] = [of.golden.ids.slice(0, 3), [1], of.model.facts.vocabSize];
      const all = await expertWrites(of.model, ids, { layers, top });
      const each = [];
      for (const position of ids.keys()) each.push(await expertWrites(of.model, ids, { layers, top, position }));
      const logits = ({ raised }: (typeof all.writes)[number]) =>
        [...raised].sort((a, b) => a.id - b.id).map(({ logit }) => logit);
      for (const one of all.writes) {
        const own = each.flatMap(({ writes }) => writes.filter(({ expert }) => expert === one.expert).map(logits));
        expect(own).toHaveLength(one.tokens);
        const mean = own[0]!.map((_, v) => own.reduce((sum, some) => sum + (some[v] as number), 0) / own.length);
        expectNear(logits(one), mean, 'mean');
      }
    });

    it('sends tokens where its load says', async () => {
      const load = await expertLoad(of.model, of.golden.ids);
      const { layers } = await expertTokens(of.model, of.golden.ids, { top: 1000, least: 1 });
      layers.forEach(({ experts }, i) => {
        const counts = experts.map(({ tokens }) => tokens.reduce((sum, { count }) => sum + count, 0));
        expect(counts).toEqual(load.layers[i]?.counts);
      });
      const each = await tokenExperts(of.model, of.golden.ids, { layers: [1] });
      expect(each.tokens.map(({ id }) => id)).toEqual(of.golden.ids);
      const chosen = each.tokens.flatMap((token) => token.chosen.flatMap((one) => one.map(({ expert }) => expert)));
      const counts = (load.layers[1]?.counts ?? []).map((_, expert) => chosen.filter((one) => one === expert).length);
      expect(counts).toEqual(load.layers[1]?.counts);
    });
  });
});

describe('agreement', () => {
  let model: Model;
  beforeAll(async () => {
    model = await fromPretrained('granite-tiny', { threads: 1 });
  });
  afterAll(() => model.dispose());

  const text = 'Once upon a time there was a little girl who lived in a wood.';

  it('of a text with itself is whole, with another it is not', async () => {
    const [a, b] = [await expertLoad(model, text), await expertLoad(model, '"Oh!" said Alice, "no, no, no!"')];
    for (const { overlap, divergence, change } of compareLoads(a, a)) {
      expect(overlap).toBeCloseTo(1, 12);
      expect(divergence).toBeCloseTo(0, 12);
      expect(Math.max(...change.map(Math.abs))).toBe(0);
    }
    for (const { overlap, divergence, change } of compareLoads(a, b)) {
      expect(overlap).toBeLessThan(0.95);
      expect(divergence).toBeGreaterThan(0.001);
      expect(change.reduce((sum, one) => sum + one, 0)).toBeCloseTo(0, 12);
    }
  });

  it('of a model with its rounded weights is less than whole, with itself it is whole', async () => {
    const rounded = await fromPretrained('granite-tiny', { threads: 1, weights: 'q4' });
    for (const layer of (await routingAgreement(model, model, text)).layers)
      expect(layer).toMatchObject({ same: 1, sameBest: 1, sameAll: 1, gateDistance: expect.closeTo(0, 6) });
    const { layers, tokens } = await routingAgreement(model, rounded, text);
    expect(tokens).toBe(model.encode(text).length);
    for (const { same, gateDistance } of layers) {
      expect(same).toBeGreaterThan(0.7);
      expect(gateDistance).toBeGreaterThan(0);
    }
    await rounded.dispose();
  });
});

describe('experts that are switched off at once', () => {
  it('change the logit of a word as the intervention does', async () => {
    const model = await fromPretrained('granite-tiny', { threads: 1 });
    const text = 'Once upon a time there was a';
    const interventions = [{ experts: [0, 3], layers: [1, 2], disable: true as const }];
    const found = await ablateExperts(model, text, {
      word: ' little',
      experts: [0, 3],
      layers: [1, 2],
      together: true,
    });
    expect(found.ablations).toHaveLength(1);
    const { data, shape } = await model.logits(text, { interventions });
    const [tokens = 0, words = 0] = shape;
    expect(found.ablations[0]?.value).toBeCloseTo(data[(tokens - 1) * words + (found.word?.id ?? 0)] as number, 4);
    expect(found.ablations[0]?.change).not.toBe(0);
    await model.dispose();
  });
});

describe('what cannot be', () => {
  it('is told with what there is', async () => {
    const model = await fromPretrained('granite-tiny', { threads: 1 });
    const dense = await fromPretrained('bitnet-tiny', { threads: 1 });
    await expect(expertLoad(dense, 'x')).rejects.toThrow(/no mixture of experts/);
    await expect(expertLoad(model, 'x', { layers: [4] })).rejects.toThrow(/layer 4 .* layers 0 to 3/);
    await expect(expertLoad(model, '')).rejects.toThrow(/text is empty/);
    await expect(expertTokens(model, 'x', { by: 'size' as 'gate' })).rejects.toThrow(/one of count, gate, lift/);
    await expect(ablateExperts(model, 'x', { experts: [8] })).rejects.toThrow(/expert 8 does not exist.*0 to 7/);
    await expect(ablateExperts(model, 'The king', { together: true })).rejects.toThrow(/say which/);
    await expect(ablateExperts(model, 'The king', { against: 5 })).rejects.toThrow(/give word too/);
    await expect(ablateExperts(model, [5])).rejects.toThrow(/first has no probability/);
    await expect(routingAgreement(model, dense, 'x')).rejects.toThrow(/no mixture of experts/);
    await model.dispose();
    await dense.dispose();
  });
});
