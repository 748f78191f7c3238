/** What is published: all that the package needs and cites, nothing else, and no more than a stated size. */
import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import { pack, packedFiles, root } from './project.ts';

const paths = packedFiles().map(({ path }) => path);
const textOf = (path: string) => readFileSync(join(root, path), 'utf8');
const modules = paths.filter((path) => path.endsWith('.js'));

/** What a module imports of the package, and the scripts and files that it names by their addresses. */
const importsOf = (path: string) =>
  [...textOf(path).matchAll(/(?:from |import |import\(|new URL\()["'](\.[^"']+\.\w+)["']/g)].map(([, target]) =>
    posix.join(posix.dirname(path), target as string),
  );

function reachableFrom(path: string, found = new Set<string>()): Set<string> {
  if (found.has(path) || !modules.includes(path)) return found;
  found.add(path);
  for (const target of importsOf(path)) reachableFrom(target, found);
  return found;
}

describe('the package', () => {
  test('has every file that package.json names', () => {
    const { bin, exports, types } = JSON.parse(textOf('package.json'));
    const named: string[] = [];
    JSON.stringify({ bin, exports, types }, (_, value) => {
      if (typeof value === 'string') named.push(posix.normalize(value));
      return value;
    });
    expect(named).toContain('bin/portmanteau.js');
    expect(named).toContain('dist/src/node.d.ts');
    for (const file of named) expect(paths).toContain(file);
  });

  test('has every file that its modules import', () => {
    const missing = modules.flatMap((path) => importsOf(path).filter((target) => !paths.includes(target)));
    expect(modules.flatMap(importsOf).length).toBeGreaterThan(200);
    expect(missing).toEqual([]);
  });

  test('has the documents that its messages, help and documents cite', () => {
    const cited = paths
      .filter((path) => /\.(js|md)$/.test(path))
      .flatMap((path) => {
        const text = textOf(path);
        const inText = [...text.matchAll(/(?<![\w/])docs\/[\w/-]+\.md/g)].map(([file]) => file as string);
        const links = path.endsWith('.md') ? [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)] : [];
        return [...inText, ...links.map(([, link]) => posix.join(posix.dirname(path), link as string))];
      });
    expect(cited.length).toBeGreaterThan(5);
    // Guides for contributors cite the repository, where they are read; pictures are seen there.
    const inRepository = (file: string) =>
      /^(CONTRIBUTING\.md|tests\/|src\/|tools\/|bench\/|examples\/|docs\/pictures\/)/.test(file);
    expect([...new Set(cited)].filter((file) => !paths.includes(file) && !inRepository(file))).toEqual([]);
    for (const file of cited) expect(existsSync(join(root, file)), file).toBe(true);
  });

  test('has nothing that only its makers need', () => {
    const known =
      /^(bin\/portmanteau\.js|dist\/|schemas\/((interventions|training)\.schema|openapi)\.json|docs\/[\w/-]+\.md|models\/|samples\/|CHANGELOG\.md|LICENSE|README\.md|package\.json)/;
    expect(paths.filter((path) => !known.test(path))).toEqual([]);
    expect(paths.filter((path) => /\btests?\b|\.test\.|golden|peers|\.tsbuildinfo/.test(path))).toEqual([]);
    const used = reachableFrom('dist/cli/main.js');
    const bench = modules.filter((path) => path.startsWith('dist/bench/'));
    expect(bench).toContain('dist/bench/measure.js');
    expect(bench.filter((path) => !used.has(path))).toEqual([]);
    const data = paths.filter((path) => path.startsWith('dist/bench/') && !modules.includes(path));
    expect(data.filter((path) => !/^dist\/bench\/(build\/[\w-]+\.wasm|published\/\w+\.json)$/.test(path))).toEqual([]);
    expect(data).toContain('dist/bench/published/models.json');
  });

  test('is not larger than the shipped models and 11.5 MB', () => {
    const { size, unpackedSize } = pack();
    const bytesIn = (folder: string) =>
      packedFiles().reduce((sum, { path, size }) => sum + (path.startsWith(folder) ? size : 0), 0);
    expect(bytesIn('models/')).toBeLessThan(12.5e6);
    expect(unpackedSize - bytesIn('models/')).toBeLessThan(11.5e6);
    expect(bytesIn('docs/')).toBeLessThan(0.5e6);
    expect(size).toBeLessThan(13.5e6);
  });
});
