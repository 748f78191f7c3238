/** What a loaded model tells of itself, and what it keeps to itself. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import * as node from '../../src/node.ts';
import * as web from '../../src/web.ts';

const shipped = (name: string) => fileURLToPath(new URL(`../../models/${name}`, import.meta.url));

test('a model tells what can be told of the opened one', async () => {
  const opened = await node.openPretrained(shipped('granite-tiny'), { weights: 'q8' });
  const description = node.describe(opened, 2, 'f16');
  await using model = await node.loadOpened(opened, { threads: 1, keyValues: 'f16' });
  expect(model.family).toBe(description.family);
  expect(model.facts).toEqual(description.facts);
  expect(model.sites).toEqual(description.sites);
  expect(model.describe(2)).toEqual(description);
});

test('what a model is made of is seen by the rooms of the library only', async () => {
  await using model = await node.fromPretrained(shipped('granite-tiny'), { threads: 1 });
  expect(Object.keys(model)).toEqual([]);
  for (const name of ['opened', 'engine']) expect(name in model, name).toBe(false);
  for (const entry of [node, web]) expect(Object.keys(entry)).not.toContain('partsOf');
});
