/** Sessions on disk: a file of each state, in a folder for each model. Names in requests are only compared with those that were listed at the start. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { partsOf } from '../../api/model.ts';
import { CheckpointError, UsageError } from '../../base/errors.ts';
import { makeFolder } from '../../base/make-folder-node.ts';
import { openLocalFile } from '../../checkpoint/folder-node.ts';
import { writeFileWhole } from '../../checkpoint/output-node.ts';
import { holds } from '../../options/option.ts';
import { readState, stateBytes } from '../../runtime/state-file.ts';
import { ApiError } from '../../server/http/api-error.ts';
import { SESSION_NAME } from '../../server/sessions/name.ts';
import type { SessionStore } from '../../server/sessions/sessions.ts';
import { lockFolder } from '../lock-node.ts';

const ENDING = '.safetensors';

export interface SessionFiles extends SessionStore {
  close(): Promise<void>;
}

/** Makes the folder if there is none. Throws UsageError when it cannot be used, or another server uses it. */
export async function openSessionFiles(folder: string, models: readonly string[]): Promise<SessionFiles> {
  const folderOf = (model: string) => join(folder, encodeURIComponent(model));
  const fileOf = (model: string, name: string) => join(folderOf(model), `${name}${ENDING}`);
  const kept = new Map<string, Set<string>>();
  try {
    for (const model of models) {
      await makeFolder(folderOf(model));
      const files = (await readdir(folderOf(model))).filter((file) => file.endsWith(ENDING));
      const names = files.map((file) => file.slice(0, -ENDING.length)).filter((name) => holds(SESSION_NAME, name));
      kept.set(model, new Set(names));
    }
  } catch (error) {
    throw new UsageError(`sessions cannot be kept in ${folder}: ${(error as Error).message}.`, { cause: error });
  }
  const close = await lockFolder(folder, 'keeps its sessions in');
  return {
    close,
    names: (model) => [...(kept.get(model) ?? [])],
    load: ({ model, id }, name) => loaded(partsOf(model), fileOf(id, name), name),
    async save({ model, id }, name, state) {
      await writeFileWhole(fileOf(id, name), await stateBytes(partsOf(model), state));
      kept.get(id)?.add(name);
    },
    async remove(model, name) {
      await rm(fileOf(model, name), { force: true });
      kept.get(model)?.delete(name);
    },
  };
}

async function loaded(parts: ReturnType<typeof partsOf>, file: string, name: string): ReturnType<SessionStore['load']> {
  const source = await openLocalFile(file);
  const unusable = (what: string) =>
    new ApiError(409, `the kept session ${name} cannot be used: ${what}. Delete it, or take another name.`, {
      param: 'session',
      code: 'session_unusable',
    });
  if (!source) throw unusable('its file is gone');
  try {
    return await readState(parts, source);
  } catch (error) {
    if (error instanceof CheckpointError) throw unusable('its file is damaged, or of another model');
    throw error;
  } finally {
    await source.close();
  }
}
