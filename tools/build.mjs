/** Builds the package: WebAssembly kernels (AssemblyScript), then TypeScript, into dist/. */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, rmSync } from 'node:fs';

const run = (script, ...args) => execFileSync(process.execPath, [script, ...args], { stdio: 'inherit' });

rmSync('dist', { recursive: true, force: true });
run('tools/build-wasm.mjs');
run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json');
for (const folder of ['src/backends/wasm/build', 'bench/build']) cpSync(folder, `dist/${folder}`, { recursive: true });
chmodSync('dist/cli/main.js', 0o755);
