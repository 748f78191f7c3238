/** Errors of a worker, made again in the page with their classes and fields. */
import {
  CheckpointError,
  FetchError,
  ModelMemoryError,
  NotFiniteError,
  ShapeError,
  UsageError,
} from '../base/errors.ts';
import { StorageFullError } from '../hub/storage-full.ts';
import { QueueFullError, SchedulerClosedError, StateBusyError, StateMemoryError } from '../scheduler/errors.ts';
import { DivergedError } from '../training/diverged.ts';
import type { Described } from './wire.ts';

/** By the names that errors carry: what a class is called may change when the page's scripts are minified. */
const CLASSES: ReadonlyMap<string, { readonly prototype: Error }> = new Map(
  Object.entries({
    CheckpointError,
    FetchError,
    ModelMemoryError,
    NotFiniteError,
    ShapeError,
    UsageError,
    StorageFullError,
    QueueFullError,
    SchedulerClosedError,
    StateBusyError,
    StateMemoryError,
    DivergedError,
    RangeError,
    TypeError,
    SyntaxError,
    ReferenceError,
  }),
);

/** An error of the class of this name, or a plain one. No constructor runs: each takes other arguments. */
export function errorOf({ name, message, stack, cause, fields }: Described): Error {
  const { prototype } = CLASSES.get(name as string) ?? Error;
  const error: Error = Object.create(prototype);
  const hidden = { message, stack, ...(cause === undefined ? {} : { cause }) };
  for (const [key, value] of Object.entries(hidden))
    Object.defineProperty(error, key, { value, writable: true, configurable: true });
  return Object.assign(error, { name }, fields);
}
