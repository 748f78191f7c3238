/** Finds the files of a model: in a folder, in this package, or on the hub. */
import { existsSync, readdirSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FetchError, UsageError } from '../base/errors.ts';
import { localFolder } from '../checkpoint/folder-node.ts';
import { foreignFile } from '../checkpoint/other-files.ts';
import type { Folder } from '../checkpoint/source.ts';
import { hubEndpoint } from '../hub/environment-node.ts';
import { type HubOptions, hubReference, isRepoId, openSnapshot, snapshot } from '../hub/hub-node.ts';
import { shippedModelFolder, shippedModelsText } from './shipped-node.ts';

export interface Located {
  readonly folder: Folder;
  readonly source: 'local' | 'shipped' | 'hub';
}

export interface LocateOptions {
  readonly revision?: string | undefined;
  readonly hub?: HubOptions | undefined;
  readonly downloadWeights?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** Throws UsageError when there is no such model, FetchError when a download fails. */
export async function locate(reference: string, options: LocateOptions = {}): Promise<Located> {
  const located = await find(/^file:\/\//i.test(reference) ? pathOf(reference) : reference, options);
  if (located.source !== 'hub' && options.revision !== undefined)
    options.onWarning?.(
      `'${reference}' is not taken from the hub, so the revision '${options.revision}' changes nothing.`,
    );
  return located;
}

/** The path of a file: URL. Throws UsageError when it is of another machine. */
function pathOf(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw new UsageError(`'${url}' is no file of this machine: ${(error as Error).message}.`, { cause: error });
  }
}

async function find(reference: string, options: LocateOptions): Promise<Located> {
  const shipped = shippedModelFolder(reference);
  const known = shipped !== undefined ? 'shipped' : isRepoId(reference) ? 'hub' : undefined;
  const here = statsOf(reference);
  if (here?.isDirectory()) {
    const hub = cachedModel(reference);
    if (hub) return onHub(hub.repo, { ...options, hub: { ...options.hub, cacheDir: hub.cacheDir } });
    if (!known || !isEmpty(reference)) return { folder: checkedFolder(reference, known), source: 'local' };
    options.onWarning?.(
      `there is an empty folder '${reference}' here; ${ABOUT[known]} is used. Write ./${reference} for the folder.`,
    );
  }
  if (shipped !== undefined) return { folder: localFolder(shipped), source: 'shipped' };
  if (here && !here.isDirectory()) {
    const folder = dirname(reference);
    const advice = existsSync(join(folder, 'config.json')) ? ` Give its folder: ${folder}` : '';
    const about = foreignFile(basename(reference)) ?? `is a file. ${ABOUT_FOLDER}.${advice}`;
    throw new UsageError(`'${reference}' ${about.replace(/\.$/, '')}.`);
  }
  const found = hubReference(reference, hubEndpoint(options.hub?.endpoint));
  const nothing = `'${reference}' is no folder, and none of the shipped models (${shippedModelsText()})`;
  if (!found) throw new UsageError(`${nothing}, and no hub id: that is org/name, as the page of the model shows it.`);
  const parent = folderOfPath(reference, found.repo);
  if (parent !== undefined)
    throw new UsageError(
      `${nothing}; and as there is a folder '${parent}' here, it is not looked for on the hub: write hf://${reference} for that.`,
    );
  if (isRepoId(found.repo)) return onHub(reference, options);
  return onHub(reference, options).catch((error: Error) => {
    options.signal?.throwIfAborted();
    throw explained(error, `${nothing}. As a hub id (most are org/name, as the page of the model shows it)`);
  });
}

/** models/nosuch looks like a hub id, but if there is a folder `models`, it is a path: that folder then, else undefined. */
export function folderOfPath(reference: string, repo: string): string | undefined {
  const plain = reference.replace(/@.*$/, '').replace(/\/$/, '');
  return plain === repo && plain.includes('/') && existsSync(dirname(plain)) ? dirname(plain) : undefined;
}

const ABOUT_FOLDER = 'A model is given as a folder with config.json, weights and tokenizer in it';

const ABOUT = { shipped: 'the shipped model of that name', hub: 'the model of that name on the hub' };

async function onHub(reference: string, { revision, hub, signal, onWarning, downloadWeights = true }: LocateOptions) {
  const options = { onWarning, ...hub, revision, signal };
  if (downloadWeights) return { folder: localFolder(await snapshot(reference, options)), source: 'hub' as const };
  const { folder, remote } = await openSnapshot(reference, options);
  const local = localFolder(folder);
  const open = async (file: string) => (await local.open(file)) ?? (await remote.get(file)?.());
  return { folder: { ...local, open }, source: 'hub' as const };
}

/** A name without an organisation may be a mistake of any kind: adds what else may have been meant. */
function explained(error: Error, about: string): Error {
  const message = `${about}: ${error.message}`;
  const { cause } = error; // the error itself is wholly in the message
  if (error instanceof FetchError && error.status !== 401 && error.status !== 404)
    return new FetchError(message, { cause, ...(error.status === undefined ? {} : { status: error.status }) });
  return error instanceof UsageError || error instanceof FetchError ? new UsageError(message, { cause }) : error;
}

/** Files of a model, of an adapter or of a tokenizer. */
const FILES = /^(config|tokenizer|vocab|adapter_config)\.json$|^tokenizer\.model$|\.(safetensors|bin|gguf|pth)$/;

/** A folder with the same name as a shipped model is used only if it has files of a model or of a tokenizer. */
function checkedFolder(reference: string, known: keyof typeof ABOUT | undefined): Folder {
  const names = known && namesIn(reference);
  if (known && names && !names.some((name) => FILES.test(name)))
    throw new UsageError(
      `the folder '${reference}' here has no config.json, and hides ${ABOUT[known]}: rename it, ` +
        `or write ${known === 'hub' ? `hf://${reference}` : 'the name in another folder'}.`,
    );
  return localFolder(reference);
}

/** The model of a folder `models--org--name` of the hub's cache, which holds revisions, not files. */
function cachedModel(path: string): { repo: string; cacheDir: string } | undefined {
  const folder = resolve(path);
  const found = /^models--/.test(basename(folder)) ? hubReference(basename(folder)) : undefined;
  return found && existsSync(join(folder, 'snapshots')) ? { repo: found.repo, cacheDir: dirname(folder) } : undefined;
}

function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // a name that no file can have
  }
}

function isEmpty(folder: string): boolean {
  return namesIn(folder)?.length === 0;
}

/** Undefined when the folder cannot be read; opening it later gives the error. */
function namesIn(folder: string): string[] | undefined {
  try {
    return readdirSync(folder);
  } catch {
    return undefined;
  }
}
