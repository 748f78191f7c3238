/** Compiles the kernels: with and without relaxed SIMD, for shared and for ordinary memory. */
import { mkdirSync } from 'node:fs';
import asc from 'assemblyscript/asc';

const folder = 'src/backends/wasm/build';
mkdirSync(folder, { recursive: true });
for (const relaxed of [false, true]) {
  for (const shared of [false, true]) {
    const features = ['simd', ...(relaxed ? ['relaxed-simd'] : []), ...(shared ? ['threads'] : [])];
    const { error, stderr } = await asc.main([
      'src/backends/wasm/assembly/index.ts',
      ...['--outFile', `${folder}/kernels${relaxed ? '-relaxed' : ''}${shared ? '-shared' : ''}.wasm`],
      ...['--runtime', 'stub', '--noAssert', '-O3', '--converge', '--importMemory'],
      ...features.flatMap((feature) => ['--enable', feature]),
      ...(shared ? ['--sharedMemory', '--maximumMemory', '65536'] : []),
    ]);
    if (error) throw new Error(`${stderr}`, { cause: error });
  }
}
