/** The import table of docs/architecture.md holds for every file, and would notice if it did not. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { families } from '../../src/models/index.ts';
import { circleOf, importsOf, type Room, readHouse, roomOf, violationsOf } from './layers.ts';

/** Parsing all sources takes a second or two, on a busy machine many. */
vi.setConfig({ testTimeout: 60_000 });

const root = fileURLToPath(new URL('../../', import.meta.url));
const document = readFileSync(`${root}docs/architecture.md`, 'utf8');
const house = readHouse(document);
const names = families.map(({ name }) => name);
const files = ['src', 'cli', 'bench'].flatMap((folder) =>
  readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !/node_modules|worker\/build/.test(file)) // the latter holds the library as text
    .map((file) => `${folder}/${file.replaceAll('\\', '/')}`),
);
const textOf = (file: string) => readFileSync(`${root}${file}`, 'utf8');
const problems = (file: string, text: string) => violationsOf(house, names, file, text);

describe('the house', () => {
  it('keeps its import table and its other rules in every file', () => {
    expect(files.length).toBeGreaterThan(100);
    expect(files.flatMap((file) => problems(file, textOf(file)))).toEqual([]);
  });

  it('has no two rooms that depend on each other', () => {
    expect(circleOf(house)).toBeUndefined();
    const [base, ...others] = house.rooms as [Room, ...Room[]];
    const circular = { ...house, rooms: [{ ...base, mayImport: new Map([['models', 'types' as const]]) }, ...others] };
    expect(circleOf(circular)).toBe('base -> models -> base');
  });

  it('has no row without a file, and no permission that nothing uses', () => {
    for (const { name, mayImport, packages } of house.rooms) {
      const own = files.filter((file) => roomOf(house, file)?.name === name);
      expect(own, name).not.toEqual([]);
      if (name === 'bench') continue; // measures what there is to measure
      const imports = own
        .filter((file) => !file.includes('/assembly/'))
        .flatMap((file) => importsOf(file, textOf(file)));
      for (const room of mayImport.keys()) {
        const used = imports.filter(({ target }) => roomOf(house, target)?.name === room);
        expect(used, `${name} may import ${room}`).not.toEqual([]);
      }
      for (const wanted of packages) expect(imports.map(({ target }) => target)).toContain(wanted);
    }
  });
});

describe('the rules notice', () => {
  it.each([
    ['a room that may not be imported', 'src/models/new.ts', "import { readJson } from '../checkpoint/source.ts';"],
    ['a backend in a model', 'src/models/new.ts', "import type { Backend } from '../backends/backend.ts';"],
    ['a value where types are allowed', 'src/models/new.ts', "import { vocabulary } from '../ops/index.ts';"],
    [
      'an inline type, which still loads the module',
      'src/models/new.ts',
      "import { type Ops } from '../ops/index.ts';",
    ],
    ['a re-export', 'src/ops/new.ts', "export { families } from '../models/index.ts';"],
    ['import() in code', 'src/sampler/new.ts', "export const later = () => import('../runtime/engine.ts');"],
    ['import() in a type', 'src/sampler/new.ts', "export type E = import('../runtime/engine.ts').Engine;"],
    ['an import by a computed name', 'src/sampler/new.ts', 'export const later = (name: string) => import(name);'],
    ['the library by another door', 'cli/new.ts', "import { Engine } from '../src/runtime/engine.ts';"],
    ['what measures, in the library', 'src/new.ts', "import { measure } from '../bench/measure.ts';"],
    ['tests in the library', 'src/new.ts', "import { generator } from '../tests/ops/cases.ts';"],
    ['a file of no room', 'src/utils.ts', 'export const one = 1;'],
    ['a package', 'src/checkpoint/new.ts', "import { parse } from 'yaml';"],
    ['Node where browsers load', 'src/checkpoint/new.ts', "import { readFile } from 'node:fs/promises';"],
    ['Node by a detour', 'src/checkpoint/new.ts', "import { localFolder } from './folder-node.ts';"],
    ['the browser in Node', 'src/node.ts', "import { webPlatform } from './backends/wasm/platform-web.ts';"],
    ['a family in a string', 'src/runtime/engine.ts', "export const special = (name: string) => name === 'mamba';"],
    ['a family in a name', 'src/loader/new.ts', 'export const isLlamaLike = true;'],
    ['a family in a pattern', 'src/loader/new.ts', 'export const pattern = /^granite/;'],
    ['a family that the exception does not name', 'src/node.ts', "export const known = 'granite';"],
    [
      'a family compared in the command line',
      'cli/new.ts',
      "export const special = (name: string) => name === 'mamba';",
    ],
    ['a backend in a string', 'src/runtime/engine.ts', "export const fast = (name: string) => name === 'wasm';"],
    ['mathematics that differ between engines', 'src/sampler/new.ts', 'export const e = Math.exp(1);'],
    ['TypeScript in AssemblyScript', 'src/backends/wasm/assembly/new.ts', "import { size } from '../../../tensor';"],
  ])('%s', (_, file, text) => {
    expect(problems(file, `${text}\n`)).toHaveLength(1);
  });

  it('what is allowed', () => {
    expect(problems('src/models/new.ts', "import type { Ops } from '../ops/index.ts';\nexport type { Ops };")).toEqual(
      [],
    );
    expect(problems('src/hub/new-node.ts', "import { open } from 'node:fs/promises';\nvoid open;")).toEqual([]);
    expect(problems('cli/new.ts', "export const help = 'portmanteau run granite-tiny';")).toEqual([]);
    expect(problems('src/ops/new.ts', '/** As in Mamba, see granite. */\nexport const one = 1; // llama')).toEqual([]);
  });

  it('a table that cannot be read', () => {
    expect(() => readHouse('# nothing')).toThrow("there is no section 'Import table'");
    expect(() => readHouse(document.replace(/\| x \|/, '| y |'))).toThrow("'y' is no mark");
  });
});
