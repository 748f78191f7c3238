/** What tells about a model is data, so that a worker sends it as it is. */
import { expect, test } from 'vitest';
import { describe as describeModel, openPretrained } from '../../src/node.ts';

test.each(['backpack-tiny', 'bitnet-tiny', 'granite-tiny', 'mamba-tiny'])('of %s a copy is the same', async (name) => {
  const opened = await openPretrained(name);
  const { sites, facts, residualStream } = opened.model;
  const told = { description: describeModel(opened), sites, facts, residualStream };
  await opened.checkpoint.close();
  expect(structuredClone(told)).toStrictEqual(told);
});
