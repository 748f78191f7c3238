/** Builds the package: WebAssembly kernels (AssemblyScript), then TypeScript, into dist/. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync } from 'node:fs';

const run = (script, ...args) => execFileSync(process.execPath, [script, ...args], { stdio: 'inherit' });

if (existsSync('tools/build-wasm.mjs')) run('tools/build-wasm.mjs');
run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json');
if (existsSync('dist/cli/main.js')) chmodSync('dist/cli/main.js', 0o755);
