/** Builds the package: WebAssembly kernels (AssemblyScript), then TypeScript, into dist/. */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, rmSync } from 'node:fs';

const run = (script, ...args) => execFileSync(process.execPath, [script, ...args], { stdio: 'inherit' });
const kernels = 'src/backends/wasm/build';

rmSync('dist', { recursive: true, force: true });
run('tools/build-wasm.mjs');
run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json');
cpSync(kernels, `dist/${kernels}`, { recursive: true });
chmodSync('dist/cli/main.js', 0o755);
