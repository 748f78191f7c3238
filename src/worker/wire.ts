/**
 * Values on their way between a page and its worker. Data are copied; what cannot be copied (objects with methods, functions, signals, errors) travels
 * as a description, which the other side makes into something to use.
 */
import { UsageError } from '../base/errors.ts';

const KIND = '$portmanteau';

/** Stands for a value that cannot be copied. */
export interface Described {
  readonly [KIND]: string;
  readonly [field: string]: unknown;
}

export const described = (kind: string, fields: Readonly<Record<string, unknown>>): Described => ({
  [KIND]: kind,
  ...fields,
});

/** Describes what cannot be copied; undefined for everything else. */
export type Describe = (value: object) => Described | undefined;
/** The opposite: makes a value of a description. */
export type Revive = (kind: string, fields: Described) => unknown;

/** A copy of a value that can be posted. The buffers that it makes on the way are added to `moved`, to be transferred. */
export function pack(value: unknown, describe: Describe, moved: Transferable[]): unknown {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return value;
  const description = describe(value);
  if (description) return mapped(description, (part) => pack(part, describe, moved));
  if (ArrayBuffer.isView(value)) return copyOfView(value, moved);
  if (value instanceof ArrayBuffer) {
    const copy = value.slice();
    moved.push(copy);
    return copy;
  }
  if (isClonable(value)) return value;
  if (value instanceof URL) return described('url', { href: value.href });
  if (value instanceof Error) return pack(describeError(value), describe, moved);
  if (value instanceof Map)
    return new Map([...value].map((entry) => entry.map((part) => pack(part, describe, moved)) as [unknown, unknown]));
  if (value instanceof Set) return new Set([...value].map((part) => pack(part, describe, moved)));
  if (Array.isArray(value)) return value.map((part) => pack(part, describe, moved));
  if (isPlain(value)) return mapped(value, (part) => pack(part, describe, moved));
  throw new UsageError(
    `an object of the class ${value.constructor?.name ?? 'of none'} cannot be sent to the worker: make it there, with the library that startWorker gives.`,
  );
}

/** What `pack` has copied, with all that was described. */
export function unpack(wire: unknown, revive: Revive): unknown {
  if (typeof wire !== 'object' || wire === null || ArrayBuffer.isView(wire)) return wire;
  if (wire instanceof Map)
    return new Map([...wire].map((entry) => entry.map((part) => unpack(part, revive)) as [unknown, unknown]));
  if (wire instanceof Set) return new Set([...wire].map((part) => unpack(part, revive)));
  if (Array.isArray(wire)) return wire.map((part) => unpack(part, revive));
  if (!isPlain(wire)) return wire;
  const fields = mapped(wire, (part) => unpack(part, revive));
  const kind = (wire as Described)[KIND];
  if (kind === undefined) return fields;
  if (kind === 'url') return new URL((fields as { readonly href: string }).href);
  return revive(kind, fields as Described);
}

/** Of views into larger or shared memory only the part that is seen. */
function copyOfView(view: ArrayBufferView, moved: Transferable[]): ArrayBufferView {
  const copy = new Uint8Array(view.byteLength);
  copy.set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  moved.push(copy.buffer);
  const Own = view.constructor as new (buffer: ArrayBuffer) => ArrayBufferView;
  return new Own(copy.buffer);
}

export function isPlain(value: object): value is Record<string, unknown> {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function mapped(value: object, map: (part: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, map(part)]));
}

/** Objects of the platform that browsers copy by themselves. */
const CLONABLE = /^\[object (Blob|File|FileList|FileSystem\w+|Date|RegExp|DOMException|SharedArrayBuffer)\]$/;

const isClonable = (value: object) => CLONABLE.test(Object.prototype.toString.call(value));

/** Class, message, stack, cause and all other fields of an error. */
function describeError(error: Error): Described {
  const { name, message, stack, cause } = error;
  const fields = Object.fromEntries(
    Object.entries(error).filter(([, value]) => typeof value !== 'function' && typeof value !== 'symbol'),
  );
  return described('error', { name, message, stack, cause: cause instanceof Error ? cause : undefined, fields });
}
