/** `run --json-schema` and `--regex`: output of a form, or an error before weights are read. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cli, json } from './cli.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'form-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const schemaFile = (schema: unknown) => {
  const file = join(folder, 'schema.json');
  writeFileSync(file, typeof schema === 'string' ? schema : JSON.stringify(schema));
  return file;
};

describe('run with a form', { timeout: 60_000 }, () => {
  test('writes JSON that the schema accepts, and ends there', async () => {
    const file = schemaFile({
      type: 'object',
      properties: { cat: { enum: ['black', 'white'] }, age: { type: 'integer', minimum: 1, maximum: 20 } },
      required: ['cat', 'age'],
      additionalProperties: false,
    });
    const { code, stdout, stderr } = await cli(['run', 'granite-tiny', 'The cat', '--json-schema', file]);
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({ cat: expect.stringMatching(/^(black|white)$/) });
  });

  test('writes what the expression matches as a whole, also sampled', async () => {
    const flags = ['--regex', '[a-z]{3}-\\d', '--temperature', '1.5', '--seed', '4'];
    const { text, finishReason } = await json<{ text: string; finishReason: string }>([
      'run',
      'mamba-tiny',
      'A',
      ...flags,
    ]);
    expect(text).toMatch(/^[a-z]{3}-\d$/);
    expect(finishReason).toBe('stop');
  });

  test('tells when the text was cut off before', async () => {
    const { code, stderr } = await cli(['run', 'granite-tiny', 'A', '--regex', '[a-z]{50}', '-n', '3']);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^note: the text was cut off.*-n\n$/)]);
  });

  test('refuses what is wrong before the model is loaded', async () => {
    const wrong: readonly [readonly string[], RegExp][] = [
      [['--json-schema', schemaFile({ type: 'cat' })], /"cat" at #\/type, wanted one of/],
      [['--regex', '(a'], /is not valid/],
      [['--regex', 'a', '--json-schema', schemaFile({ type: 'cat' })], /cannot be used with option/],
      [['--json-schema', join(folder, 'none.json')], /none\.json/],
    ];
    for (const [flags, message] of wrong) {
      const { code, stdout, stderr } = await cli(['run', 'granite-tiny', 'A', ...flags]);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(message);
    }
    const noJson = await cli(['run', 'granite-tiny', 'A', '--json-schema', schemaFile('{')]);
    expect(noJson).toMatchObject({ code: 2, stderr: expect.stringMatching(/--json-schema is no JSON/) });
  });
});
