/** Training data that is ready: rows for training and for validation, out of stored tokens. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { UsageError } from '../base/errors.ts';
import { TrainingRows } from './batches.ts';
import { type FilledDataOptions, windowOf } from './options.ts';
import type { RowSource } from './row.ts';
import { documentRows, windowRows } from './row-sources.ts';
import { splitRows } from './split.ts';
import type { TokenStore } from './token-store.ts';

export interface PreparedData {
  readonly train: TrainingRows;
  /** Undefined when nothing is kept for validation. */
  readonly validation: TrainingRows | undefined;
  /** Tokens and documents for training; those for validation are not counted where they are kept apart. */
  readonly tokens: number;
  readonly documents: number;
  close(): Promise<void>;
}

export interface Stores {
  readonly train: TokenStore;
  readonly validation?: TokenStore | undefined;
}

/** A digest of values that decide which rows there are. */
export const identityOf = (...values: readonly unknown[]): string =>
  bytesToHex(sha256(utf8ToBytes(JSON.stringify(values))));

/** `seed`: of the order. Throws UsageError when the tokens are too few; then the stores are closed. */
export async function preparedFrom(
  stores: Stores,
  data: FilledDataOptions,
  seed: number,
  padId: number,
): Promise<PreparedData> {
  try {
    return await rowsFrom(stores, data, seed, padId);
  } catch (error) {
    await closeAll(stores);
    throw error;
  }
}

async function closeAll({ train, validation }: Stores): Promise<void> {
  await train.close();
  await validation?.close();
}

async function rowsFrom(stores: Stores, data: FilledDataOptions, seed: number, padId: number): Promise<PreparedData> {
  const rows = data.rows ?? (stores.train.isMasked ? 'documents' : 'windows');
  const { window, stride } = windowOf(data);
  const { tail, join, shuffle } = data;
  const sourceOf = (store: TokenStore): Promise<RowSource> | RowSource =>
    rows === 'documents' ? documentRows(store, window) : windowRows(store, { window, stride, tail, join, padId });
  const shape = rows === 'documents' ? [rows, window] : [rows, window, stride, tail, join, padId];
  const share = data.validationBy === 'rows' ? data.validation : 0;
  const all = await sourceOf(stores.train);
  const parts = share > 0 ? splitRows(all, share, seed) : { train: all, validation: undefined };
  const held = stores.validation ? await sourceOf(stores.validation) : parts.validation;
  checkCounts(parts.train, held, stores, data);
  const order = shuffle ? seed : undefined;
  const identity = identityOf(stores.train.identity, shape, share, order, share > 0 ? seed : undefined);
  return {
    train: new TrainingRows(parts.train, { seed: order, identity }),
    validation:
      held &&
      new TrainingRows(held, {
        identity: identityOf((stores.validation ?? stores.train).identity, shape, share, seed),
      }),
    tokens: stores.train.tokens,
    documents: stores.train.documents,
    close: () => closeAll(stores),
  };
}

function checkCounts(
  train: RowSource,
  held: RowSource | undefined,
  { train: { tokens, documents }, validation }: Stores,
  data: FilledDataOptions,
): void {
  const { window } = windowOf(data);
  const all = `${documents} documents with ${tokens} tokens`;
  const advice = `set data.sequence lower than ${data.sequence}, or data.tail to 'keep'`;
  if (train.count === 0)
    throw new UsageError(
      `the data for training has ${all}, which make no row of ${window} ids: give more, or ${advice}.`,
    );
  if (held?.count !== 0) return;
  if (validation && validation.tokens > 0)
    throw new UsageError(
      `the data for validation has ${validation.tokens} tokens, which make no row of ${window} ids: keep more, or ${advice}.`,
    );
  throw new UsageError(
    `nothing is left for validation: the data has ${all}. ` +
      (data.validationBy === 'documents'
        ? `Set data.validation higher than ${data.validation}, or data.validationBy to 'rows'.`
        : `Set data.validation higher than ${data.validation}.`),
  );
}
