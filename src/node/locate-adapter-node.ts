/** Finds the files of an adapter: in a folder, or on the hub. */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CONFIG_FILE } from '../adapters/config.ts';
import { WEIGHTS_FILE } from '../adapters/file.ts';
import { UsageError } from '../base/errors.ts';
import { hubEndpoint } from '../hub/environment-node.ts';
import { download, type HubOptions, hubReference } from '../hub/hub-node.ts';
import { folderOfPath } from './locate-node.ts';

/**
 * The folder of an adapter: `reference` itself, or for a hub id (org/name, org/name@revision) the one in the cache of downloads, where its two files
 * are put if they are missing. Throws UsageError when there is no such folder or id, FetchError when a download fails.
 */
export async function locateAdapter(reference: string, options: HubOptions = {}): Promise<string> {
  if (existsSync(reference)) return reference;
  const found = hubReference(reference, hubEndpoint(options.endpoint));
  const parent = found && folderOfPath(reference, found.repo);
  if (!found?.repo.includes('/') || parent !== undefined)
    throw new UsageError(
      `there is no folder '${reference}', wanted the folder of an adapter with ${CONFIG_FILE}, or a hub id such as org/name${
        parent === undefined ? '' : `; as there is a folder '${parent}' here, write hf://${reference} for the hub`
      }.`,
    );
  const { repo, revision = options.revision } = found;
  const config = await download(repo, CONFIG_FILE, { ...options, revision });
  const folder = dirname(config);
  // Of the same commit, if the branch moves meanwhile.
  if (!existsSync(join(folder, WEIGHTS_FILE)))
    await download(repo, WEIGHTS_FILE, { ...options, revision: basename(folder) });
  return folder;
}
