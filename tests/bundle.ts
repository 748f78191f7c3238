/**
 * Joins the built modules of the command line, and those for pages, to one file each. It starts in less than half the time, and tests start
 * hundreds of processes and pages. The package has the modules as they are: tests/package, those of the README and of the example page run them.
 */
import { existsSync, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const folder = join(root, 'node_modules/.cache/portmanteau');

/** The command line, for Node. */
export const bundledCommand = join(folder, 'command.mjs');
/** What `portmanteau/web` exports, for a page whose server has the repository as its root. */
export const bundledWeb = join(folder, 'web.mjs');

async function bundle(
  entry: string,
  target: string,
  addressOf: (path: string) => string,
  { codeSplitting }: { readonly codeSplitting: boolean },
): Promise<void> {
  if (existsSync(target) && statSync(target).mtimeMs > statSync(join(root, 'dist/.built')).mtimeMs) return;
  const { rolldown } = await import('rolldown'); // tests import this module, too
  const joined = await rolldown({
    input: join(root, entry),
    external: /^[^./]/, // packages
    plugins: [
      {
        name: 'addresses',
        // Kernels and scripts, large and made as text, stay where they are.
        resolveId: (id, importer) =>
          importer && /\/build\/[\w-]+\.js$/.test(id)
            ? { id: addressOf(resolve(dirname(importer), id)), external: true }
            : null,
        // A module keeps the address of its own file, beside which it finds others.
        transform: (code, id) =>
          code.replaceAll('import.meta.url', `new URL(${JSON.stringify(relative(folder, id))}, import.meta.url).href`),
      },
    ],
  });
  const name = basename(target, '.mjs');
  const { output } = await joined.generate({
    format: 'esm',
    codeSplitting,
    entryFileNames: `${name}.mjs`,
    chunkFileNames: `${name}-[name]-[hash].mjs`, // what is loaded only when it is wanted, and what it shares with the rest
  });
  mkdirSync(folder, { recursive: true });
  const chunks = output.filter((one) => one.type === 'chunk');
  for (const { fileName, code } of chunks.toSorted((a, b) => Number(a.isEntry) - Number(b.isEntry))) {
    const fresh = join(folder, `${fileName}.${process.pid}`);
    writeFileSync(fresh, code);
    renameSync(fresh, join(folder, fileName));
  }
}

export default async function setup(): Promise<void> {
  if (!existsSync(join(root, 'dist/.built'))) return; // the tests that need a build say so
  await bundle('dist/cli/main.js', bundledCommand, (path) => pathToFileURL(path).href, { codeSplitting: true });
  const addressOf = (path: string) => `/${relative(root, path).replaceAll('\\', '/')}`;
  await bundle('dist/src/web.js', bundledWeb, addressOf, { codeSplitting: false }); // one file stands for all
}
