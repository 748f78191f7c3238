/** The compiled kernels, each in a module of its own that is loaded when it is wanted: tools/embed.mjs writes them. */
import type { KernelsName } from './platform.ts';

/** Bundlers find modules by `import()` of a literal, so every name is written out. */
const modules: Record<KernelsName, () => Promise<{ readonly base64: string }>> = {
  'kernels-plain': () => import('./build/kernels-plain.ts'),
  'kernels-plain-shared': () => import('./build/kernels-plain-shared.ts'),
  'kernels-relaxed16': () => import('./build/kernels-relaxed16.ts'),
  'kernels-relaxed16-shared': () => import('./build/kernels-relaxed16-shared.ts'),
  'kernels-relaxed32': () => import('./build/kernels-relaxed32.ts'),
  'kernels-relaxed32-shared': () => import('./build/kernels-relaxed32-shared.ts'),
};

/** WebAssembly, compressed by gzip, as base64. Fails as `import()` does where the module is not served. */
export async function kernelsText(name: KernelsName): Promise<string> {
  return (await modules[name]()).base64;
}
