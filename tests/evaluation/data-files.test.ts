/** Rows are the same from JSON lines, a JSON list, CSV, Parquet and Arrow files. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { tableFromArrays, tableToIPC } from '@uwdata/flechette';
import { expect, test } from 'vitest';
import { renamed, withAllColumns } from '../../src/evaluation/data/columns.ts';
import { readRows } from '../../src/evaluation/data/files-node.ts';

const ROWS = [
  { question: 'What, "is" it?\nTell.', label: 1 },
  { question: 'Ünïcode 𝒳', label: 0 },
];

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'portmanteau-rows-')), name);
  await writeFile(path, content);
  return path;
}

const LINES = ROWS.map((row) => `${JSON.stringify(row)}\n`).join('');

test('JSON lines, also packed by gzip', async () => {
  expect(await readRows(await file('a.jsonl', LINES), 'json')).toEqual(ROWS);
  expect(await readRows(await file('a.jsonl.gz', gzipSync(LINES)), 'json')).toEqual(ROWS);
});

test('a list in JSON, and one under a key', async () => {
  expect(await readRows(await file('a.json', JSON.stringify(ROWS, null, 2)), 'json')).toEqual(ROWS);
  expect(await readRows(await file('a.json', JSON.stringify({ data: ROWS })), 'json', { field: 'data' })).toEqual(ROWS);
});

test('CSV: columns of numbers become numbers', async () => {
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const csv = `question,label\n${ROWS.map(({ question, label }) => `${quoted(question)},${label}\n`).join('')}`;
  expect(await readRows(await file('a.csv', csv), 'csv')).toEqual(ROWS);
});

test('Arrow', async () => {
  const table = tableFromArrays({ question: ROWS.map((row) => row.question), label: ROWS.map((row) => row.label) });
  expect(await readRows(await file('a.arrow', tableToIPC(table, {}) as Uint8Array), 'arrow')).toEqual(ROWS);
});

test('columns that a row lacks are null, and others may be renamed', () => {
  expect(withAllColumns([{ a: 1 }, { b: 2 }])).toEqual([
    { a: 1, b: null },
    { a: null, b: 2 },
  ]);
  expect(renamed([{ q: 'x', n: 1 }], { question: 'q' }, 'a file')).toEqual([{ question: 'x', n: 1 }]);
  expect(() => renamed([{ q: 'x' }], { question: 'text' }, 'a file')).toThrow(/no column 'text'/);
});
