/** Builds the package into dist/: WebAssembly kernels (AssemblyScript), then TypeScript. What is up to date stays as it is. */
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

const kernels = ['src/backends/wasm/build', 'bench/build'];
const kernelSources = ['src/backends/wasm/assembly', 'bench/assembly', 'tools/build-wasm.mjs'];
const settings = ['tools/build.mjs', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];

if (oldest(...kernels) < newest(...kernelSources)) run('tools/build-wasm.mjs');
if (oldest('dist/.built') < newest('src', 'cli', 'bench', ...settings)) {
  rmSync('dist', { recursive: true, force: true });
  run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json');
  for (const folder of kernels) cpSync(folder, `dist/${folder}`, { recursive: true });
  chmodSync('dist/cli/main.js', 0o755);
  writeFileSync('dist/.built', ''); // its time says when all this was made
}
