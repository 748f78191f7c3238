/** The built page, and the models that it offers. */
import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { UsageError } from '../../base/errors.ts';
import type { Folder } from '../../checkpoint/source.ts';
import { hubReference } from '../../hub/hub-node.ts';
import { type LocateOptions, locate } from '../locate-node.ts';
import { shippedFolder, shippedModelNames } from '../shipped-node.ts';

export interface OfferOptions extends LocateOptions {
  /** Folders, shipped models or hub ids that the page offers first; the shipped models follow. */
  readonly models?: readonly string[] | undefined;
}

export interface OfferedModel {
  /** The name of its folder, or its repository on the hub (org/name). */
  readonly name: string;
  readonly folder: Folder;
}

/** The folder of the built page. Throws UsageError where there is none. */
export function builtPlayground(): string {
  const build = shippedFolder('dist/playground');
  if (build && existsSync(`${build}/index.html`)) return build;
  throw new UsageError('the page is not built; in a copy of the repository, run npm run build.');
}

/** Throws UsageError when a model does not exist, or when two of those that were named have one name. */
export async function offered({ models = [], ...options }: OfferOptions): Promise<OfferedModel[]> {
  const all = new Map<string, OfferedModel>();
  for (const reference of models) {
    const { folder, source } = await locate(reference, options);
    const name = source === 'local' ? basename(resolve(folder.name)) : (hubReference(reference)?.repo ?? reference);
    if (all.has(name))
      throw new UsageError(
        `two of the models are called '${name}', and the page tells models by their names: give one of them another.`,
      );
    all.set(name, { name, folder });
  }
  for (const name of shippedModelNames())
    if (!all.has(name)) all.set(name, { name, folder: (await locate(name)).folder });
  return [...all.values()];
}

/** What the page finds at `models/manifest.json`. */
export const manifestOf = (models: readonly OfferedModel[]): string =>
  `${JSON.stringify({ models: models.map(({ name }) => ({ name })) }, null, 1)}\n`;
