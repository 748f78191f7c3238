/**
 * Writes the kernels and the scripts of workers into modules, as text: `build/*.ts` of the WebAssembly backend and of src/worker. A bundler that moves
 * the package's modules moves them too. Files beside a module do get lost: only some bundlers know `new URL('…', import.meta.url)`.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';

/** gzip makes a third of a kernel, and base64 a third more of that: about what a server would send. */
export function embedKernels(build) {
  for (const file of readdirSync(build).filter((name) => name.endsWith('.wasm'))) {
    const text = asBase64(readFileSync(join(build, file)));
    const comment = `/** Made by tools/embed.mjs: ${file}, compressed by gzip, as base64. */`;
    writeFileSync(
      join(build, `${file.slice(0, -'.wasm'.length)}.ts`),
      `${comment}\nexport const base64: string =\n  '${text}';\n`,
    );
  }
}

/** A script with all that it imports, in one piece: browsers start it as it is. */
export async function bundled(file, format) {
  const bundle = await rolldown({ input: file, platform: format === 'cjs' ? 'node' : 'browser' });
  const { output } = await bundle.generate({ format, minify: true, codeSplitting: false });
  await bundle.close();
  return output[0].code;
}

const asBase64 = (bytes) => gzipSync(bytes, { level: 9 }).toString('base64');

/** The script of the worker that holds models: as a module, compressed as the kernels are, since it is large. */
export async function embedModelWorker(folder, name) {
  const base64 = asBase64(await bundled(join(folder, `${name}.ts`), 'iife'));
  mkdirSync(join(folder, 'build'), { recursive: true });
  const comment = `/** Made by tools/embed.mjs: ${name}.ts and what it imports, compressed by gzip, as base64. */`;
  writeFileSync(join(folder, 'build', `${name}.ts`), `${comment}\nexport const base64: string =\n  '${base64}';\n`);
}

/** The script of a thread as a module, `build/NAME.ts`. */
async function embedScript(folder, name, format) {
  const code = await bundled(join(folder, `${name}.ts`), format);
  const comment = `/** Made by tools/embed.mjs: ${name}.ts and what it imports. */`;
  writeFileSync(
    join(folder, 'build', `${name}.ts`),
    `${comment}\nexport const script: string = ${JSON.stringify(code)};\n`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = 'src/backends/wasm';
  embedKernels(join(folder, 'build'));
  await embedScript(folder, 'worker-web', 'iife');
  await embedScript(folder, 'worker-node', 'cjs');
}
