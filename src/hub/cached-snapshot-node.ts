/** Finds models in the cache, and whether a snapshot can be used without a request to the hub. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sizeOf } from './layout-node.ts';
import { repoOfFolder } from './names.ts';
import { missingFiles, wantedFiles } from './wanted-files.ts';

/** Index files of 10^5 tensors have about 10^7 bytes. */
const MAX_INDEX_BYTES = 64 << 20;

/** Ids with a folder in the cache, sorted. */
export async function cachedIds(cacheDir: string): Promise<string[]> {
  const entries = await readdir(cacheDir, { withFileTypes: true }).catch(() => []);
  const ids = entries.filter((entry) => entry.isDirectory()).map(({ name }) => repoOfFolder(name));
  return ids.filter((id) => id !== undefined).sort();
}

/** The files that a cached snapshot lacks; empty when it is complete. */
export async function missingIn(folder: string, wantWeights: boolean): Promise<string[]> {
  const names: string[] = [];
  for (const name of await readdir(folder).catch(() => []))
    if ((await sizeOf(join(folder, name))) !== undefined) names.push(name);
  const shards = new Set<string>();
  for (const name of wantedFiles(names).small.filter((name) => name.endsWith('.index.json')))
    for (const shard of await shardsOf(join(folder, name))) shards.add(shard);
  return missingFiles(names, [...shards], wantWeights);
}

/** The files that an index lists. Damage is reported later, when the weights are read. */
async function shardsOf(path: string): Promise<string[]> {
  try {
    if (((await sizeOf(path)) ?? 0) > MAX_INDEX_BYTES) return [];
    const { weight_map } = JSON.parse(await readFile(path, 'utf8')) as { weight_map?: Record<string, unknown> };
    return [...new Set(Object.values(weight_map ?? {}))].filter((name) => typeof name === 'string');
  } catch {
    return [];
  }
}
