/**
 * Writes the script that draws figures, with the libraries in it, into src/figures/build/draw.ts, as text: pages are made with nothing else
 * at hand. The licences of what is in it stand at its top, as they ask for.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const bundle = await rolldown({ input: 'src/drawing/draw.ts', platform: 'browser' });
const { output } = await bundle.generate({ format: 'iife', minify: true });
await bundle.close();
const [chunk] = output;

/** Folders of the packages that went in. */
const packages = new Set(
  Object.keys(chunk.modules).flatMap(
    (file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file.replaceAll('\\', '/')) ?? [],
  ),
);

/** Packages by the text of their licence, less the line that names its holder, which is kept for each. */
const licences = new Map();
for (const folder of [...packages].sort()) {
  const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
  if (!file || !existsSync(join(folder, file))) throw new Error(`${name} has no licence file`);
  const text = readFileSync(join(folder, file), 'utf8').trim().replaceAll('\r\n', '\n');
  const holders = text.split('\n').filter((line) => /^Copyright\b/.test(line));
  const terms = text
    .split('\n')
    .filter((line) => !/^Copyright\b/.test(line))
    .join('\n')
    .trim();
  licences.set(terms, [...(licences.get(terms) ?? []), `${name} ${version}: ${holders.join('; ')}`]);
}
const notice = [...licences].map(([terms, of]) => `${of.join('\n')}\n\n${terms}`).join('\n\n');
const code = `/*!\n${notice.replaceAll('*/', '* /')}\n*/\n${chunk.code}`;

mkdirSync('src/figures/build', { recursive: true });
writeFileSync(
  'src/figures/build/draw.ts',
  `/** Made by tools/embed-drawing.mjs: src/drawing/draw.ts and what it imports. */\nexport const script: string = ${JSON.stringify(code)};\n`,
);
