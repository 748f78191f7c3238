/** A project of a user: a folder with this package as npm would install it, unpacked from its tarball, and what it depends on. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

export interface Project {
  readonly folder: string;
  /** The package in it. */
  readonly installed: string;
  /** Writes a file, with the folders above it. */
  write(file: string, text: string): void;
  remove(): void;
}

/** `packages` are copied from this repository's node_modules, beside what the package depends on. */
export function newProject(packages: readonly string[] = []): Project {
  const folder = mkdtempSync(join(tmpdir(), 'portmanteau-project-'));
  const installed = join(folder, 'node_modules/portmanteau');
  for (const file of packedFiles()) cpSync(join(root, file.path), join(installed, file.path));
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const name of withDependencies([...Object.keys(dependencies), ...packages]))
    cpSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), { recursive: true });
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  };
  write('package.json', JSON.stringify({ name: 'app', private: true, type: 'module' }));
  return { folder, installed, write, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export interface PackedFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

interface Packed {
  readonly files: readonly PackedFile[];
  /** Bytes of the tarball, and of all files. */
  readonly size: number;
  readonly unpackedSize: number;
}

let packed: Packed | undefined;

/** What `npm pack` would put into the tarball of this package. */
export function pack(): Packed {
  if (packed) return packed;
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const json = execFileSync('npm', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  packed = (JSON.parse(json) as [Packed])[0];
  return packed;
}

export const packedFiles = (): readonly PackedFile[] => pack().files;

/** These packages and all that they need, as they lie in this repository's node_modules. */
function withDependencies(names: readonly string[]): Set<string> {
  const all = new Set<string>();
  const add = (name: string) => {
    if (all.has(name)) return;
    all.add(name);
    const { dependencies = {} } = JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8'));
    for (const other of Object.keys(dependencies)) add(other);
  };
  for (const name of names) add(name);
  return all;
}
