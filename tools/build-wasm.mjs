/** Compiles the kernels: with and without relaxed SIMD, for shared and for ordinary memory; and the read loop of the benchmarks. */
import { mkdirSync, rmSync } from 'node:fs';
import asc from 'assemblyscript/asc';

async function compile(source, target, { relaxed = false, shared }) {
  const features = ['simd', ...(relaxed ? ['relaxed-simd'] : []), ...(shared ? ['threads'] : [])];
  const { error, stderr } = await asc.main([
    source,
    ...['--outFile', `${target}${relaxed ? '-relaxed' : ''}${shared ? '-shared' : ''}.wasm`],
    ...['--runtime', 'stub', '--noAssert', '-O3', '--importMemory'],
    ...features.flatMap((feature) => ['--enable', feature]),
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
  for (const relaxed of [false, true]) {
    await compile('src/backends/wasm/assembly/index.ts', `${kernels}/kernels`, { relaxed, shared });
  }
  await compile('bench/assembly/read-loop.ts', 'bench/build/read-loop', { shared });
}
