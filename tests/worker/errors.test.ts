/** Errors that come from a worker have the classes of the library, also where the page's scripts are minified. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';
import { afterAll, expect, test } from 'vitest';
import * as web from '../../src/web.ts';
import { errorOf } from '../../src/worker/errors.ts';
import { described } from '../../src/worker/wire.ts';

const folder = mkdtempSync(join(tmpdir(), 'portmanteau-errors-'));
afterAll(() => rmSync(folder, { recursive: true }));

const classes = Object.entries<unknown>(web).flatMap(([name, value]) =>
  typeof value === 'function' && value.prototype instanceof Error ? [{ name, Class: value }] : [],
);

test('every class of errors that the library exports comes back as itself, with its message and fields', () => {
  expect(classes.map(({ name }) => name)).toContain('StorageFullError');
  for (const { name, Class } of classes) {
    const error = errorOf(described('error', { name, message: 'why', fields: { neededBytes: 3 } }));
    expect(error, name).toBeInstanceOf(Class);
    expect(error).toMatchObject({ name, message: 'why', neededBytes: 3 });
  }
  expect(errorOf(described('error', { name: 'AnotherError', message: 'why' }))).toBeInstanceOf(Error);
});

test('so they do in minified scripts, where classes have other names', async () => {
  const pathOf = (file: string) => JSON.stringify(fileURLToPath(new URL(`../../src/${file}`, import.meta.url)));
  const entry = `export { errorOf } from ${pathOf('worker/errors.ts')}; export { UsageError } from ${pathOf('base/errors.ts')};`;
  const bundle = await rolldown({
    input: 'entry',
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id === 'entry' ? id : null),
        load: (id) => (id === 'entry' ? entry : null),
      },
    ],
  });
  const file = join(folder, 'minified.mjs');
  await bundle.write({ file, minify: true, codeSplitting: false });
  await bundle.close();
  const { errorOf, UsageError } = await import(pathToFileURL(file).href);
  expect(UsageError.name).not.toBe('UsageError');
  expect(errorOf({ name: 'UsageError', message: 'why' })).toBeInstanceOf(UsageError);
});
