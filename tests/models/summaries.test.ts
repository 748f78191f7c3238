/** Where logits need not leave the backend, results are the same as where they do. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Model } from '../../src/api/model.ts';
import { fromPretrained } from '../../src/node.ts';

const shipped = (name: string) => fileURLToPath(new URL(`../../models/${name}`, import.meta.url));

describe.each(['granite-tiny', 'mamba-tiny', 'bitnet-tiny', 'backpack-tiny'])('%s', (name) => {
  let model: Model;
  beforeAll(async () => {
    model = await fromPretrained(shipped(name), { threads: 1 });
  });
  afterAll(() => model.dispose());

  const ids = Array.from({ length: 70 }, (_, i) => 3 + ((i * 37) % 200));

  it('scores are those of the logits', async () => {
    const few = await model.score(ids, { alternatives: 3 });
    const all = await model.score(ids, { alternatives: 3, onLogits: () => {} });
    const many = await model.score(ids, { alternatives: 65 });
    expect(few.tokens.map(({ alternatives }) => alternatives?.map(({ id }) => id))).toEqual(
      all.tokens.map(({ alternatives }) => alternatives?.map(({ id }) => id)),
    );
    expect(many.tokens.at(-1)?.alternatives).toHaveLength(65);
    for (const other of [all, many]) {
      expect(other.perplexity / few.perplexity).toBeCloseTo(1, 7);
      for (const [i, { logprob }] of few.tokens.entries())
        if (logprob !== null) expect(logprob).toBeCloseTo(other.tokens[i]!.logprob as number, 6);
    }
  });

  it('the likeliest tokens are those that are chosen from the logits, alone and in a batch', async () => {
    const options = { maxNewTokens: 12, ignoreEnd: true, alternatives: 2, generationConfig: false } as const;
    const chosen = async (more: object) => {
      const found: { id: number; logprob: number; alternatives: unknown }[][] = [[], []];
      for await (const { index, id, logprob, alternatives } of model.generate([ids.slice(0, 5), ids.slice(9)], {
        ...options,
        ...more,
      }))
        if (id !== undefined) found[index]?.push({ id, logprob: logprob as number, alternatives });
      return found;
    };
    const fromSummaries = await chosen({});
    const fromLogits = await chosen({ logitBias: { 0: 0 } });
    for (const [index, tokens] of fromSummaries.entries()) {
      expect(tokens.map(({ id }) => id)).toEqual(fromLogits[index]?.map(({ id }) => id));
      for (const [i, { logprob }] of tokens.entries()) expect(logprob).toBeCloseTo(fromLogits[index]![i]!.logprob, 6);
    }
    const alone = await model.complete(ids.slice(9), options);
    expect(fromSummaries[1]?.map(({ logprob }) => logprob)).toEqual(alone.logprobs);
  });
});
