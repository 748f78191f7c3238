/** The models that the browser has stored: lists and deletes them. */
import { UsageError } from '../base/errors.ts';
import { folderOfRepo, isCommit, repoOfFolder } from './names.ts';
import { pieceStorage } from './storage-web.ts';

export interface CachedModel {
  /** Hub id. */
  readonly id: string;
  /** Bytes stored, including unfinished downloads. */
  readonly bytes: number;
  /** Commits. */
  readonly revisions: string[];
}

/** The models that are stored, sorted by id. */
export async function cachedModels(): Promise<CachedModel[]> {
  const found = new Map<string, { bytes: number; revisions: string[] }>();
  for (const [name, size] of (await (await pieceStorage())?.list('')) ?? []) {
    const [folder = '', kind, rest = ''] = name.split('/');
    const id = repoOfFolder(folder);
    if (id === undefined) continue;
    const model = found.get(id) ?? { bytes: 0, revisions: [] };
    model.bytes += size;
    if (kind === 'listings' && isCommit(rest)) model.revisions.push(rest);
    found.set(id, model);
  }
  return [...found].map(([id, model]) => ({ id, ...model })).sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Removes a model from what is stored. Throws UsageError when it is not there. */
export async function deleteCachedModel(id: string): Promise<{ freedBytes: number }> {
  const known = await cachedModels();
  const model = known.find((one) => one.id === id);
  if (!model)
    throw new UsageError(
      `'${id}' is not stored; there ${known.length === 0 ? 'is nothing' : `are ${known.map((one) => one.id).join(', ')}`}.`,
    );
  await (await pieceStorage())?.remove(folderOfRepo(id));
  return { freedBytes: model.bytes };
}
