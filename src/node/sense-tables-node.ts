/** Keeps tables that take minutes to compute, such as those of topic control, on disk: one folder for each model, by its identity. */
import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { TableCache } from '../analysis/senses/maxima.ts';
import { type Model, partsOf } from '../api/model.ts';
import { makeFolder } from '../base/make-folder-node.ts';
import { openLocalFile } from '../checkpoint/folder-node.ts';
import { readTensors } from '../checkpoint/load-tensors.ts';
import { saveTensors } from '../checkpoint/save-node.ts';
import { identityOf } from '../runtime/model-identity.ts';

/** Where tables are kept: PORTMANTEAU_CACHE, else a folder of the user's caches. */
export function tablesDirectory(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return env.PORTMANTEAU_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'portmanteau');
}

/**
 * For `cache` of model.senses.topic. The folder is made when something is kept; files are replaced whole. What cannot be read there counts
 * as not there.
 */
export async function senseTables(model: Model, folder = tablesDirectory()): Promise<TableCache> {
  const { opened, engine } = partsOf(model);
  const { digest } = await identityOf(opened, engine.backend);
  const place = join(folder, 'senses', digest.slice(0, 32));
  const fileOf = (name: string) => join(place, `${shortName(name)}.safetensors`);
  return {
    async read(name) {
      try {
        const source = await openLocalFile(fileOf(name));
        const found = source && (await readTensors(source)).get(name);
        return found?.dtype === 'f32' ? (found.data as Float32Array) : undefined;
      } catch {
        return undefined; // a damaged file: it is written anew
      }
    },
    async write(name, table) {
      await makeFolder(place);
      await saveTensors(fileOf(name), new Map([[name, { shape: [table.length], dtype: 'f32', data: table }]]));
    },
  };
}

const LONGEST = 80;

/** Names of topics have an id for each word. */
const shortName = (name: string): string =>
  name.length <= LONGEST ? name : createHash('sha256').update(name).digest('hex');
