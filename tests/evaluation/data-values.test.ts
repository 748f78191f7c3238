/** Values of data files become the texts that Python makes of what `datasets` reads from them (tools/reference/make_evaluation_rows.py). */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDataSet } from '../../src/evaluation/data/data-set-node.ts';
import { pythonStr } from '../../src/evaluation/tasks/python-text.ts';
import type { TaskConfig } from '../../src/evaluation/tasks/task-config.ts';
import cases from '../golden/evaluation/rows.json' with { type: 'json' };

test.each(cases)('$kind: $name', async ({ kind, text, bytes, rows }) => {
  const path = join(await mkdtemp(join(tmpdir(), 'portmanteau-rows-')), `file.${kind}`);
  await writeFile(path, text ?? Buffer.from(bytes as string, 'base64'));
  const config = { task: 't', dataset_path: kind, dataset_kwargs: { data_files: path } } as unknown as TaskConfig;
  const found = await openDataSet(config, path, { hub: {}, samples: undefined }).rows('train');
  const texts = found.map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, pythonStr(value)])),
  );
  expect(texts).toEqual(rows);
});
