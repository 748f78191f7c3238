/** Where models come from, what they need, and the one that is open. */
import { signal } from '@preact/signals';
import {
  type Folder,
  type Model,
  type ModelDescription,
  memoryFolder,
  UsageError,
  type WeightFormat,
} from '../../src/web.ts';
import type { Remote } from '../../src/worker/index.ts';
import type { Seen } from './worker/about.ts';
import { type PageLibrary, startLibrary } from './worker/start.ts';

export interface Offered {
  readonly name: string;
  readonly about?: string;
}

/** An address (of a folder, or a hub id), or files. */
export interface Reference {
  readonly name: string;
  readonly from: string | Folder;
}

/** A model in a worker. */
export interface Loaded extends Reference {
  /** Functions for it, in the same worker. */
  readonly library: PageLibrary;
  readonly model: Remote<Model>;
  readonly weights: WeightFormat;
  readonly seen: Seen;
}

export type Stage =
  | { readonly is: 'none' }
  | { readonly is: 'opening'; readonly name: string }
  | { readonly is: 'asking'; readonly reference: Reference; readonly description: ModelDescription }
  | { readonly is: 'loading'; readonly name: string; readonly loaded: number; readonly total: number }
  | { readonly is: 'failed'; readonly name: string; readonly error: Error };

/** The model that the views show. */
export const current = signal<Loaded | undefined>(undefined);
export const stage = signal<Stage>({ is: 'none' });

/** Weights of at most this size are loaded without asking: less than many pages take for pictures. */
const ASK_FROM_BYTES = 64e6;

/** The models that lie beside the page, as `models/manifest.json` lists them; none where there is no such file. */
export async function offeredModels(): Promise<readonly Offered[]> {
  const response = await fetch('models/manifest.json').catch(() => undefined);
  if (!response?.ok || !/json/.test(response.headers.get('content-type') ?? '')) return [];
  const { models } = (await response.json()) as { readonly models?: unknown };
  const isOffered = (one: unknown): one is Offered => typeof Object(one).name === 'string';
  return Array.isArray(models) ? models.filter(isOffered) : [];
}

export const beside = (name: string): Reference => ({
  name,
  from: `./models/${name.split('/').map(encodeURIComponent).join('/')}`,
});

/** An address or a hub id that somebody typed, or a name of a model beside the page. */
export function typed(text: string, offered: readonly Offered[]): Reference {
  if (offered.some(({ name }) => name === text)) return beside(text);
  return { name: text.replace(/\/+$/, '').split('/').slice(-2).join('/'), from: text };
}

/** Files that a visitor chose: a folder, or the files of one (`from`: its name). Throws UsageError where they are no model. */
export function chosen(files: readonly File[], from = ''): Reference {
  const config = files.find(({ name }) => name === 'config.json');
  if (!config)
    throw new UsageError(
      `there is no config.json among the ${files.length} files: choose the folder of a model, or all of its files together.`,
    );
  const pathOf = (file: File) => file.webkitRelativePath || file.name;
  const folder = pathOf(config).slice(0, -'config.json'.length);
  const name = folder.replace(/\/$/, '').split('/').at(-1) || from || 'files';
  const own = files.filter((file) => pathOf(file) === folder + file.name);
  return {
    name,
    from: memoryFolder(new Map(own.map((file) => [file.name, file])), folder || name),
  };
}

let loading = new AbortController();

/**
 * Reads what a model needs, and loads it, in a worker of its own; a large one only when the visitor says so, in the format that is chosen. The worker
 * of the model before ends.
 */
export async function open(reference: Reference, weights?: WeightFormat): Promise<void> {
  loading.abort();
  loading = new AbortController();
  const { signal } = loading;
  const { name } = reference;
  let library: PageLibrary | undefined;
  try {
    stage.value = { is: 'opening', name };
    library = await startLibrary();
    const description = weights ? undefined : await library.describeFiles(reference.from);
    signal.throwIfAborted();
    if (description && (description.weightBytes.auto ?? 0) > ASK_FROM_BYTES) {
      library.terminate();
      stage.value = { is: 'asking', reference, description };
      return;
    }
    const loaded = await openModel(library, reference, {
      weights: weights ?? 'auto',
      signal,
      onProgress: ({ loaded, total }) => {
        if (!signal.aborted) stage.value = { is: 'loading', name, loaded, total };
      },
    });
    signal.throwIfAborted();
    const before = current.value;
    current.value = loaded;
    stage.value = { is: 'none' };
    if (before) setTimeout(() => end(before)); // when its views are gone
  } catch (error) {
    library?.terminate();
    if (!signal.aborted) stage.value = { is: 'failed', name, error: error as Error };
  }
}

/** Threads leave their loops before their worker ends. */
async function end({ library, model }: Loaded): Promise<void> {
  await model.dispose().catch(() => {}); // the worker has failed
  library.terminate();
}

export function cancel(): void {
  loading.abort();
  stage.value = { is: 'none' };
}

export interface OpenModelOptions {
  readonly weights?: WeightFormat;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { readonly loaded: number; readonly total: number }) => void;
}

/** The one place where the page makes a model. */
export async function openModel(
  library: PageLibrary,
  reference: Reference,
  options: OpenModelOptions = {},
): Promise<Loaded> {
  const { weights = 'auto' } = options;
  const model = await library.fromPretrained(reference.from, { ...options, weights });
  return { ...reference, library, model, weights, seen: await library.seenOf(model) };
}

export const megabytes = (bytes: number): string =>
  bytes >= 1e9
    ? `${(bytes / 1e9).toFixed(1)} GB`
    : bytes >= 1e7
      ? `${Math.round(bytes / 1e6)} MB`
      : `${(bytes / 1e6).toFixed(1)} MB`;
