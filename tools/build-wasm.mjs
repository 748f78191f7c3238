/** Compiles the kernels: for plain and two kinds of relaxed SIMD, for shared and for ordinary memory; and the bare loops of the benchmarks. */
import { mkdirSync, rmSync } from 'node:fs';
import asc from 'assemblyscript/asc';

/** `dot`: how int8 products are made, see blocks.ts. */
async function compile(source, target, { dot = 0, shared }) {
  const features = ['simd', ...(dot > 0 ? ['relaxed-simd'] : []), ...(shared ? ['threads'] : [])];
  const { error, stderr } = await asc.main([
    source,
    ...['--outFile', `${target}${shared ? '-shared' : ''}.wasm`],
    ...['--runtime', 'stub', '--noAssert', '-O3', '--importMemory'],
    ...features.flatMap((feature) => ['--enable', feature]),
    ...['--use', `DOT=${dot}`],
    ...(shared ? ['--sharedMemory', '--maximumMemory', '65536'] : []),
  ]);
  if (error) throw new Error(`${stderr}`, { cause: error });
}

const kernels = 'src/backends/wasm/build';
for (const folder of [kernels, 'bench/build']) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}
for (const shared of [false, true]) {
  for (const [dot, variant] of ['plain', 'relaxed16', 'relaxed32'].entries()) {
    await compile('src/backends/wasm/assembly/index.ts', `${kernels}/kernels-${variant}`, { dot, shared });
    await compile('bench/assembly/peak-loop.ts', `bench/build/peak-loop-${variant}`, { dot, shared });
  }
  await compile('bench/assembly/read-loop.ts', 'bench/build/read-loop', { shared });
}
