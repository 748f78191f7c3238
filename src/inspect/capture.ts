/** Captures values of the forward passes of a sequence. */
import type { Backend } from '../backends/backend.ts';
import { UsageError } from '../base/errors.ts';
import { globPattern } from '../base/glob.ts';
import { arrayFor, byteSize, type DType, type Shape, size, type Tensor, type TypedArray } from '../base/tensor.ts';
import type { Site } from '../models/model.ts';
import { type Tap, tapOf } from '../models/tap.ts';
import type { Ops } from '../ops/index.ts';

export interface CapturedTensor {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly data: TypedArray;
}

/**
 * The sites that match patterns: `*` matches any part of a name, as in `blocks.*.pattern`. Throws UsageError when a pattern has no match.
 */
export function matchSites(sites: readonly Site[], patterns: readonly string[]): Set<string> {
  const found = new Set<string>();
  for (const pattern of patterns) {
    const expression = globPattern(pattern);
    const names = sites.filter(({ name }) => expression.test(name)).map(({ name }) => name);
    if (names.length === 0) {
      const some = [...new Set(sites.map(({ name }) => name.replace(/\.\d+\./, '.*.')))].join(', ');
      throw new UsageError(`no site is called '${pattern}'. This model has: ${some}.`);
    }
    for (const name of names) found.add(name);
  }
  return found;
}

/** A tap that keeps the values of some sites of one sequence, from step to step. Call `collect` after the last step, then `dispose`. */
export class Capture {
  /** For each site, its value in every step. */
  readonly #kept = new Map<string, Tensor[]>();
  readonly #backend: Backend;
  readonly #ops: Ops;
  readonly #sites: ReadonlyMap<string, Site>;

  constructor(backend: Backend, ops: Ops, sites: readonly Site[]) {
    this.#backend = backend;
    this.#ops = ops;
    this.#sites = new Map(sites.map((site) => [site.name, site]));
  }

  get tap(): Tap {
    const tap = tapOf(
      (site) => this.#sites.has(site),
      (site, x) => {
        this.#keep(site, x);
        return x;
      },
    );
    return { ...tap, onlyLooks: true };
  }

  /** Values of a pass are plain numbers; only weights, keys and values are packed. */
  async collect(): Promise<Map<string, CapturedTensor>> {
    const captured = new Map<string, CapturedTensor>();
    for (const [name, kept] of this.#kept) {
      const parts: CapturedTensor[] = [];
      for (const x of kept) parts.push({ shape: x.shape, dtype: x.dtype as DType, data: await this.#backend.read(x) });
      captured.set(name, joined(this.#sites.get(name) as Site, parts));
    }
    return captured;
  }

  dispose(): void {
    for (const x of [...this.#kept.values()].flat()) this.#backend.free(x);
    this.#kept.clear();
  }

  /** Copies a value into live memory, since the memory of a step is freed at its end. */
  #keep(site: string, x: Tensor): void {
    const copy = this.#backend.allocate(x.shape, x.dtype);
    this.#kept.set(site, [...(this.#kept.get(site) ?? []), copy]);
    this.#ops.assign(copy, x);
  }
}

/**
 * Joins the values of several steps: rows of tokens are concatenated, probabilities [H, T, S] padded with zeros, and of states the last is
 * kept.
 */
function joined({ axes }: Site, parts: readonly CapturedTensor[]): CapturedTensor {
  const last = parts.at(-1) as CapturedTensor;
  if (parts.length === 1) return last;
  if (axes.startsWith('[T')) {
    const rows = parts.reduce((sum, { shape }) => sum + (shape[0] as number), 0);
    const shape = [rows, ...last.shape.slice(1)];
    const data = arrayFor(last.dtype, new ArrayBuffer(byteSize(shape, last.dtype)), 0, size(shape));
    let at = 0;
    for (const part of parts) {
      data.set(part.data, at);
      at += part.data.length;
    }
    return { shape, dtype: last.dtype, data };
  }
  return axes.endsWith('T, S]') ? joinedPatterns(parts) : last;
}

function joinedPatterns(parts: readonly CapturedTensor[]): CapturedTensor {
  const [heads = 0, , keys = 0] = (parts.at(-1) as CapturedTensor).shape;
  const rows = parts.reduce((sum, { shape }) => sum + (shape[1] as number), 0);
  const data = new Float32Array(heads * rows * keys);
  let first = 0;
  for (const { shape, data: numbers } of parts) {
    const [, count = 0, seen = 0] = shape;
    for (let h = 0; h < heads; h++)
      for (let t = 0; t < count; t++) {
        const from = (h * count + t) * seen;
        data.set(numbers.subarray(from, from + seen), (h * rows + first + t) * keys);
      }
    first += count;
  }
  return { shape: [heads, rows, keys], dtype: 'f32', data };
}
