/** Builds the package into dist/: WebAssembly kernels (AssemblyScript), modules that hold them, then TypeScript. What is up to date stays as it is. */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const run = (script, ...args) => execFileSync(process.execPath, [script, ...args], { stdio: 'inherit' });

/** Time of the newest file among these and in these folders. */
function newest(...paths) {
  const times = paths.filter(existsSync).map((path) => {
    const { mtimeMs } = statSync(path);
    const names = statSync(path).isDirectory() ? readdirSync(path) : [];
    const inside = names.filter((name) => name !== 'node_modules').map((name) => join(path, name));
    return Math.max(mtimeMs, newest(...inside));
  });
  return Math.max(0, ...times);
}

const oldest = (...paths) => Math.min(...paths.map((path) => (existsSync(path) ? statSync(path).mtimeMs : 0)));

const build = 'src/backends/wasm/build';
const kernels = [build, 'bench/build'];
const kernelSources = ['src/backends/wasm/assembly', 'bench/assembly', 'tools/build-wasm.mjs'];
const threadSources = ['thread', 'control', 'worker-web', 'worker-node'].map((name) => `src/backends/wasm/${name}.ts`);
const namesIn = (folder, ending) =>
  readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name));
const settings = ['tools/build.mjs', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];

if (oldest(...kernels) < newest(...kernelSources)) run('tools/build-wasm.mjs');
const embedded = namesIn(build, '.wasm').map((file) => file.replace('.wasm', '.ts'));
const scripts = ['worker-web', 'worker-node'].map((name) => join(build, `${name}.ts`));
if (oldest(...embedded, ...scripts) < newest(...namesIn(build, '.wasm'), ...threadSources, 'tools/embed.mjs'))
  run('tools/embed.mjs');
const drawing = 'src/figures/build/draw.ts';
if (oldest(drawing) < newest('src/drawing', 'src/figures/figure.ts', 'tools/embed-drawing.mjs', 'package-lock.json'))
  run('tools/embed-drawing.mjs');
const modelWorker = 'src/worker/build/script.ts';
if (oldest(modelWorker) < newest('src', ...settings)) {
  const { embedModelWorker } = await import('./embed.mjs');
  await embedModelWorker('src/worker', 'script');
}
if (oldest('dist/.built') < newest('src', 'cli', 'bench', ...settings)) {
  rmSync('dist', { recursive: true, force: true });
  run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json');
  for (const folder of ['bench/build', 'bench/published']) cpSync(folder, `dist/${folder}`, { recursive: true });
  // For pages that start no worker from a blob.
  const { bundled } = await import('./embed.mjs');
  writeFileSync('dist/thread.js', await bundled('src/backends/wasm/worker-web.ts', 'iife'));
  writeFileSync('dist/model-worker.js', await bundled('src/worker/script.ts', 'iife'));
  writeFileSync('dist/isolation.js', await bundled('src/isolation/script.ts', 'iife'));
  chmodSync('dist/cli/main.js', 0o755);
  writeFileSync('dist/.built', ''); // its time says when all this was made
}
if (oldest('dist/playground/index.html') < newest('playground', 'src', ...settings))
  run('node_modules/vite/bin/vite.js', 'build', '--config', 'playground/vite.config.ts');
