/** Tells the service worker of a built page which files the build has, with their checksums. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { Plugin } from 'vite';

export const SERVICE_WORKER = 'service-worker.js';

/** Writes them into the first line of the service worker. `build`: the folder of the page. */
export function listFiles(build: string): void {
  const paths = readdirSync(build, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== SERVICE_WORKER)
    .map((entry) => relative(build, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
  const integrity = (path: string) =>
    `sha256-${createHash('sha256')
      .update(readFileSync(join(build, path)))
      .digest('base64')}`;
  const files = Object.fromEntries(paths.map((path) => [`./${path}`, integrity(path)]));
  const script = join(build, SERVICE_WORKER);
  const code = readFileSync(script, 'utf8').replace(/^const FILES=.*\n/, '');
  writeFileSync(script, `const FILES=${JSON.stringify(files)};\n${code}`);
}

/** For Vite: at the end of a build. */
export const filesListed = (build: string): Plugin => ({
  name: 'files for the service worker',
  apply: 'build',
  writeBundle: () => listFiles(build),
});
