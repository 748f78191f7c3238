/** The error of a browser that lets a page store no more. */
import { UsageError } from '../base/errors.ts';

const inGigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(bytes < 1e9 ? 3 : 1)} GB`;

/** Deleting other models helps, or reading the model without storing it. */
export class StorageFullError extends UsageError {
  override name = 'StorageFullError';
  readonly neededBytes: number;
  /** Undefined when the browser does not tell. */
  readonly freeBytes: number | undefined;
  constructor(what: string, neededBytes: number, freeBytes: number | undefined, options?: ErrorOptions) {
    const room = freeBytes === undefined ? 'has no more room' : `gives it ${inGigabytes(freeBytes)}`;
    super(
      `${what} needs ${inGigabytes(neededBytes)} of the storage of this page, and the browser ${room}: delete other models (cachedModels, ` +
        'deleteCachedModel), make room on the disk, ask the user (navigator.storage.persist), or read the model without storing it (hub: { cache: false }).',
      options,
    );
    this.neededBytes = neededBytes;
    this.freeBytes = freeBytes;
  }
}
