/** Edits of senses written into weights: the saved model is what the model was under the interventions. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { fromPretrained, type InterventionsOption, saveModel, writeSenses } from '../../../src/node.ts';
import { expectClose } from './golden.ts';

const folder = mkdtempSync(join(tmpdir(), 'portmanteau-write-senses-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const tiny = () => fromPretrained('backpack-tiny', { threads: 1, weights: 'f32' });
const TEXT = 'The Princess sat down, and';
const WIDTH = 128;
const numbers = (seed: number) => Float32Array.from({ length: WIDTH }, (_, i) => Math.sin(seed + i) / 4);

const lists: readonly (readonly [string, InterventionsOption])[] = [
  ['a factor of one sense', [{ senses: { sense: 5 }, scale: 0.25 }]],
  [
    'factors of all senses, one after another',
    [
      { senses: {}, scale: 2 },
      { senses: { sense: 1 }, scale: 0 },
    ],
  ],
  [
    'vectors that are added, and that take the place of a sense by half',
    [
      { senses: { sense: 2 }, add: [...numbers(1)], by: 3 },
      { senses: { sense: 4 }, set: [...numbers(2)], by: 0.5 },
      { senses: { sense: 4 }, scale: 0.5 },
    ],
  ],
  [
    'a direction that is taken away from some channels of all senses',
    [{ site: 'senses', project: [...numbers(3)], by: 0.75, heads: [0, 5, 7] }],
  ],
];

it.each(lists)('%s', async (name, interventions) => {
  const model = await tiny();
  const wanted = await model.logits(TEXT, { interventions });
  await writeSenses(model, interventions);
  expectClose((await model.logits(TEXT)).data, wanted.data);
  const place = join(folder, name.replaceAll(' ', '-'));
  await saveModel(model, place);
  await model.dispose();
  const saved = await fromPretrained(place, { threads: 1 });
  expectClose((await saved.logits(TEXT)).data, wanted.data);
  await saved.dispose();
});

it('what cannot be written is told, and nothing is changed', async () => {
  const model = await tiny();
  const before = await model.senses.vectors([3]);
  const cases: readonly (readonly [InterventionsOption, string])[] = [
    [
      model.senses.scaled('king', 5, 0),
      'intervention 1 cannot be written into the weights: it changes the senses of token 686 only',
    ],
    [
      await model.senses.edited({ word: 'king', remove: 'wife', add: 'mother' }),
      'no weight belongs to one of them alone',
    ],
    [
      [
        { senses: {}, scale: 2 },
        { senses: {}, scale: 2, positions: [3] },
      ],
      'intervention 2 cannot be written',
    ],
    [[{ senses: {}, scale: () => 2 }], 'a function'],
    [[{ site: 'hidden', scale: 2 }], "it changes 'hidden'"],
  ];
  for (const [list, message] of cases) await expect(writeSenses(model, list)).rejects.toThrow(message);
  expect(await model.senses.vectors([3])).toEqual(before);
  await model.dispose();
  const packed = await fromPretrained('backpack-tiny', { threads: 1, weights: 'q8' });
  await expect(writeSenses(packed, [{ senses: {}, scale: 2 }])).rejects.toThrow('packed format');
  await packed.dispose();
});
