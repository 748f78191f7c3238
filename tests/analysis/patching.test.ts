/** Activation patching and ablation: each cell is a run with that one change, and what must be 0 or 1 is exactly that. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ablate, fromPretrained, type Model, patchActivations } from '../../src/node.ts';

const clean = 'There was once a girl. One day';
const corrupted = 'There was once a boy. One day';
const WORDS = { word: ' she', against: ' he' };

describe.each(['granite-tiny', 'mamba-tiny', 'backpack-tiny', 'bitnet-tiny'])('on %s', (name) => {
  let model: Model;
  let different: number;
  beforeAll(async () => {
    model = await fromPretrained(name, { threads: 1 });
    const [a, b] = [clean, corrupted].map((text) => model.encode(text)) as [number[], number[]];
    different = a.findIndex((id, i) => id !== b[i]);
  });
  afterAll(() => model.dispose());

  const differenceOf = async (prompt: string, interventions: object[] = []) => {
    const [logits] = await model.lastLogits([{ prompt, interventions: interventions as [] }]);
    const [she, he] = [WORDS.word, WORDS.against].map(
      (word) => model.tokenizer?.encode(word, { addSpecialTokens: false })[0] as number,
    );
    return (logits?.[she as number] as number) - (logits?.[he as number] as number);
  };

  it('several runs in one batch have the bits of each alone, and of all logits', async () => {
    const runs = [
      { prompt: clean, interventions: [{ site: 'blocks.0.residPost', scale: 0.5 }] },
      { prompt: corrupted },
      { prompt: clean, interventions: [{ site: 'blocks.1.residPre', scale: 2, positions: [-1] }] },
    ];
    const together = await model.lastLogits(runs);
    for (const [i, run] of runs.entries()) {
      const alone = await model.logits(run.prompt, { interventions: run.interventions });
      expect(together[i]).toEqual(alone.data.slice(-model.facts.vocabSize));
    }
  });

  it.each(['denoise', 'noise'] as const)(
    'the one token that differs carries all of it into the first block: %s',
    async (direction) => {
      const result = await patchActivations(model, {
        clean,
        corrupted,
        ...WORDS,
        direction,
        sites: ['blocks.*.residPre'],
      });
      const [first] = result.sites;
      expect(first?.site).toBe('blocks.0.residPre');
      expect(result.cleanValue).toBe(await differenceOf(clean));
      expect(result.corruptedValue).toBe(await differenceOf(corrupted));
      const senses = model.sites.some((site) => site.name === 'senses'); // these come from the tokens themselves
      if (!senses) expect(first?.effects).toEqual(result.positions.map((position) => Number(position === different)));
      else expect(first?.effects.filter((effect) => effect !== 0).length).toBe(1);
      for (const { effects } of result.sites)
        expect(effects.slice(0, different).every((effect) => effect === 0)).toBe(true);
    },
  );

  it('each cell is what a run with that value gives', async () => {
    const site = 'blocks.1.residPost';
    const { sites, positions } = await patchActivations(model, {
      clean,
      corrupted,
      ...WORDS,
      sites: [site],
      positions: [-1, different],
    });
    const { shape, data } = (await model.capture(clean, { sites: [site] })).get(site) as {
      readonly shape: readonly number[];
      readonly data: Float32Array;
    };
    for (const [i, position] of positions.entries()) {
      const width = shape[1] as number;
      const set = data.slice(position * width, (position + 1) * width);
      expect(sites[0]?.values[i]).toBe(await differenceOf(corrupted, [{ site, set, positions: [position] }]));
    }
  });

  it('what the head reads at the last place is all of the prediction', async () => {
    const { sites } = await patchActivations(model, { clean, corrupted, ...WORDS, sites: ['hidden'] });
    expect(sites[0]?.effects.at(-1)).toBe(1);
    expect(sites[0]?.effects.slice(0, -1).every((effect) => effect === 0)).toBe(true);
  });

  it('an ablation is the change by one part, of a word or of a text', async () => {
    const word = await ablate(model, clean, WORDS);
    expect(word.value).toBe(await differenceOf(clean));
    const [part] = word.parts;
    expect(part?.value).toBe(await differenceOf(clean, [{ site: part?.site, scale: 0 }]));
    expect(part?.change).toBe((part?.value as number) - word.value);
    const text = await ablate(model, clean, { sites: [part?.site as string] });
    const { sumLogprob, tokens } = await model.score(clean, {
      interventions: [{ site: part?.site as string, scale: 0 }],
    });
    expect(text.parts[0]?.value).toBe(sumLogprob / tokens.filter(({ logprob }) => logprob !== null).length);
    expect(word.parts.length).toBe(model.sites.filter((site) => /attnOut|mlpOut|mixerOut/.test(site.name)).length);
  });
});

describe('on granite-tiny', () => {
  let model: Model;
  beforeAll(async () => {
    model = await fromPretrained('granite-tiny', { threads: 1 });
  });
  afterAll(() => model.dispose());

  it('heads are exchanged and removed one by one', async () => {
    const patched = await patchActivations(model, {
      clean,
      corrupted,
      ...WORDS,
      sites: ['blocks.3.z'],
      perHead: true,
      positions: [-1],
    });
    expect(patched.sites.map(({ head }) => head)).toEqual([0, 1, 2, 3]);
    const z = (await model.capture(clean, { sites: ['blocks.3.z'] })).get('blocks.3.z') as {
      readonly shape: readonly number[];
      readonly data: Float32Array;
    };
    const set = z.data.slice(-z.data.length / (z.shape[0] as number));
    const interventions = [{ site: 'blocks.3.z', set, positions: [-1], heads: [2] }];
    const [logits] = await model.lastLogits([{ prompt: corrupted, interventions }]);
    const [she, he] = [' she', ' he'].map((word) => model.tokenizer?.encode(word)[0] as number) as [number, number];
    expect(patched.sites[2]?.values[0]).toBe((logits?.[she] as number) - (logits?.[he] as number));
    const ablated = await ablate(model, clean, { sites: ['blocks.3.z'], perHead: true });
    const { sumLogprob, tokens } = await model.score(clean, {
      interventions: [{ site: 'blocks.3.z', scale: 0, heads: [1] }],
    });
    expect(ablated.parts[1]).toMatchObject({ head: 1, value: sumLogprob / (tokens.length - 1) });
  });

  it('ablation by the mean sets a site to its mean over the corpus', async () => {
    const corpus = ['The king said', 'A long time ago'];
    const site = 'blocks.1.mlpOut';
    const { parts } = await ablate(model, clean, { sites: [site], by: 'mean', corpus });
    const rows: Float32Array[] = [];
    for (const text of corpus) {
      const { shape, data } = (await model.capture(text, { sites: [site] })).get(site) as {
        readonly shape: readonly number[];
        readonly data: Float32Array;
      };
      for (let t = 0; t < (shape[0] as number); t++)
        rows.push(data.slice(t * (shape[1] as number), (t + 1) * (shape[1] as number)));
    }
    const set = Float32Array.from(
      rows[0] as Float32Array,
      (_, i) => rows.reduce((sum, row) => sum + (row[i] as number), 0) / rows.length,
    );
    const { sumLogprob, tokens } = await model.score(clean, { interventions: [{ site, set }] });
    expect(parts[0]?.value).toBeCloseTo(sumLogprob / (tokens.length - 1), 6);
  });

  it('long sweeps tell their progress, and end when they are told to', async () => {
    const told: [number, number][] = [];
    const abort = new AbortController();
    const onProgress = (done: number, total: number) => {
      told.push([done, total]);
      if (done > 0) abort.abort();
    };
    const sweep = patchActivations(model, {
      clean,
      corrupted,
      ...WORDS,
      onProgress,
      signal: abort.signal,
      sites: ['blocks.*.resid*'],
    });
    await expect(sweep).rejects.toThrow(/abort/i);
    const [[first, total] = [], [second] = []] = told;
    expect([first, told.length]).toEqual([0, 2]);
    expect(second).toBeGreaterThan(0);
    expect(second).toBeLessThan(total as number);
  });

  it('errors say what is wrong', async () => {
    const patch = (options: object) => patchActivations(model, { clean, corrupted, ...WORDS, ...options });
    await expect(patch({ corrupted: `${corrupted} long ago` })).rejects.toThrow(
      'Choose words that are as many tokens.',
    );
    await expect(patch({ corrupted: clean })).rejects.toThrow('are the same');
    await expect(patch({ word: undefined })).rejects.toThrow('there is no word to measure');
    await expect(patch({ word: ' goodbye' })).rejects.toThrow('is 4 tokens, wanted one');
    await expect(patch({ against: ' she' })).rejects.toThrow('the same token');
    await expect(patch({ measure: 'logit' })).rejects.toThrow('of two words');
    await expect(patch({ positions: [40] })).rejects.toThrow('position 40 does not exist');
    await expect(patch({ sites: ['blocks.*.ssmState'] })).rejects.toThrow('no site is called "blocks.*.ssmState"');
    await expect(ablate(model, clean, { corpus: ['a'] })).rejects.toThrow("a corpus is for { by: 'mean' }");
    await expect(ablate(model, clean, { against: ' he' })).rejects.toThrow('are about a word');
    await expect(ablate(model, [5])).rejects.toThrow('no token after the first');
  });

  it('prompts with the same value of what is measured leave nothing to bring back', async () => {
    const ids = model.encode(clean);
    const swapped = [...ids.slice(0, -1), (ids.at(-1) as number) + 1];
    const lost = patchActivations(
      { ...subjectOf(model), lastLogits: async (runs) => runs.map(() => new Float32Array(model.facts.vocabSize)) },
      { clean: ids, corrupted: swapped, ...WORDS },
    );
    await expect(lost).rejects.toThrow('both prompts give the same difference of logits (0.000)');
  });
});

/** The parts of a subject that a patch looks at before it reads anything. */
function subjectOf(model: Model): Parameters<typeof patchActivations>[0] {
  const { facts, sites, tokenizer } = model;
  return { facts, sites, tokenizer, encode: (prompt: never) => model.encode(prompt) } as never;
}
