/** Finds the small models that ship with this package, also for programs bundled into one file. */
import { existsSync, readdirSync } from 'node:fs';
import nodeModule from 'node:module';
import { dirname, join } from 'node:path';

/** Where to start looking for the package: this module, or for a bundle its script and the current folder. */
function starts(): string[] {
  const here: string | undefined = import.meta.url; // bundles in CommonJS have none
  const script = typeof __filename === 'string' ? __filename : undefined; // which these have
  return [here, script, process.argv[1], join(process.cwd(), 'x')].filter((start) => start !== undefined);
}

/** A folder of this package; undefined when the package is not found. */
export function shippedFolder(name: string): string | undefined {
  for (const start of starts()) {
    try {
      // By way of the whole module: webpack would put a path of its own in place of a `createRequire` that it recognises.
      const found = nodeModule.createRequire(start).resolve('portmanteau/package.json');
      const folder = join(dirname(found), name);
      if (existsSync(folder)) return folder;
    } catch {
      // Not found from there, or no path of a file.
    }
  }
  return undefined;
}

/** The folder of a shipped model; undefined when there is none of that name. */
export function shippedModelFolder(name: string): string | undefined {
  return shippedModelNames().includes(name) ? join(shippedFolder('models') as string, name) : undefined;
}

/** Names of the small models that ship with this package. */
export function shippedModelNames(): string[] {
  const folder = shippedFolder('models');
  return folder ? readdirSync(folder).filter((name) => existsSync(join(folder, name, 'config.json'))) : [];
}

/** For messages: the names, or why there are none. */
export function shippedModelsText(): string {
  const names = shippedModelNames();
  if (names.length > 0) return names.join(', ');
  return (
    'they are not found, for this program is a bundle and the package is not installed beside it. Leave portmanteau out of the ' +
    'bundle (esbuild: --external:portmanteau) and install it, or give the path of a model'
  );
}
