/**
 * A tracer that measures every op: before and after each, it waits until the backend has finished. Without overlap of ops, the sum of the
 * times is larger than that of a normal pass.
 */
import type { Backend } from '../backends/backend.ts';
import { byteSize, type Tensor } from '../base/tensor.ts';
import type { Op, Tracer } from '../ops/index.ts';
import type { Watch } from '../runtime/watch.ts';
import { type Entry, PassLog } from './pass-log.ts';

export interface ProfileRow {
  readonly op: string;
  /** The site that is shown next after the op, with `*` for the number of a block. */
  readonly site: string;
  readonly calls: number;
  readonly ms: number;
  /** Bytes read and written: weights, states and activations, each once per call. */
  readonly bytes: number;
}

interface Timed extends Entry {
  readonly ms: number;
  readonly bytes: number;
}

/** The measurements so far, summed over the blocks of a model. */
export class Profile {
  readonly #rows = new Map<string, ProfileRow>();

  /** The longest first. */
  get rows(): ProfileRow[] {
    return [...this.#rows.values()].sort((a, b) => b.ms - a.ms);
  }

  add({ op, site: full = '', ms, bytes }: Timed): void {
    const site = full.replace(/\.\d+\./, '.*.');
    const before = this.#rows.get(`${op} ${site}`) ?? { calls: 0, ms: 0, bytes: 0 };
    const sums = { calls: before.calls + 1, ms: before.ms + ms, bytes: before.bytes + bytes };
    this.#rows.set(`${op} ${site}`, { op, site, ...sums });
  }
}

export function timed(
  inner: Tracer,
  backend: Backend,
): { readonly tracer: Tracer; readonly watch: Watch; readonly profile: Profile } {
  const log = new PassLog<Timed>();
  const profile = new Profile();
  const tracer: Tracer = {
    ...inner,
    apply(op, inputs, attrs) {
      if (!log.running || op.view) return inner.apply(op, inputs, attrs);
      backend.wait();
      const begin = performance.now();
      const outputs = inner.apply(op, inputs, attrs);
      backend.wait();
      const ms = performance.now() - begin;
      log.entries.push({ op: op.name, site: undefined, ms, bytes: bytesOf(op, inputs, outputs, attrs) });
      return outputs;
    },
  };
  const addUp = (): void => {
    for (const entry of log.entries) profile.add(entry);
  };
  const watch: Watch = {
    pass: (body) => log.pass(body, addUp),
    reached: (site) => log.reached(site),
  };
  return { tracer, watch, profile };
}

function bytesOf<Attrs>(op: Op<Attrs>, inputs: readonly Tensor[], outputs: readonly Tensor[], attrs: Attrs): number {
  const sum = (some: readonly Tensor[]) => some.reduce((total, { shape, dtype }) => total + byteSize(shape, dtype), 0);
  return (op.bytesOfInputs?.(inputs, attrs) ?? sum(inputs)) + sum(outputs);
}
