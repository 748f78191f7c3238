/** Takes values out of a pass, and puts others in. */
import type { Backend } from '../backends/backend.ts';
import { UsageError } from '../base/errors.ts';
import { type DType, type Shape, show, size, type Tensor, type TypedArray } from '../base/tensor.ts';
import type { Site } from '../models/model.ts';
import { type Tap, tapOf } from '../models/tap.ts';
import type { Ops } from '../ops/index.ts';

export interface CapturedTensor {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly data: TypedArray;
}

/** The sites that a pattern names: `*` stands for any part of a name, as in `blocks.*.pattern`. Throws UsageError when none fits. */
export function matchSites(sites: readonly Site[], patterns: readonly string[]): Set<string> {
  const found = new Set<string>();
  for (const pattern of patterns) {
    const expression = new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`);
    const names = sites.filter(({ name }) => expression.test(name)).map(({ name }) => name);
    if (names.length === 0) {
      const some = [...new Set(sites.map(({ name }) => name.replace(/\.\d+\./, '.*.')))].join(', ');
      throw new UsageError(`no site is called '${pattern}'. This model has: ${some}.`);
    }
    for (const name of names) found.add(name);
  }
  return found;
}

/** A tap that keeps the values of some sites and replaces those of others. Call `collect` after the step, then `dispose`. */
export class Capture {
  readonly #kept = new Map<string, Tensor>();
  readonly #backend: Backend;
  readonly #ops: Ops;
  readonly #sites: ReadonlySet<string>;
  readonly #replacements: ReadonlyMap<string, TypedArray>;

  constructor(
    backend: Backend,
    ops: Ops,
    sites: ReadonlySet<string>,
    replacements: ReadonlyMap<string, TypedArray> = new Map(),
  ) {
    this.#backend = backend;
    this.#ops = ops;
    this.#sites = sites;
    this.#replacements = replacements;
  }

  get tap(): Tap {
    return tapOf(
      (site) => this.#sites.has(site) || this.#replacements.has(site),
      (site, x) => {
        const seen = this.#replace(site, x);
        if (this.#sites.has(site)) this.#keep(site, seen);
        return seen;
      },
    );
  }

  /** Values of a pass are plain numbers; only weights, keys and values are packed. */
  async collect(): Promise<Map<string, CapturedTensor>> {
    const captured = new Map<string, CapturedTensor>();
    for (const [site, x] of this.#kept)
      captured.set(site, { shape: x.shape, dtype: x.dtype as DType, data: await this.#backend.read(x) });
    return captured;
  }

  dispose(): void {
    for (const x of this.#kept.values()) this.#backend.free(x);
    this.#kept.clear();
  }

  /** A copy in live memory: what a step allocates is gone before anybody can read it. */
  #keep(site: string, x: Tensor): void {
    if (this.#kept.has(site)) throw new UsageError(`'${site}' came twice in one pass; capture one sequence at a time.`);
    const copy = this.#backend.allocate(x.shape, x.dtype);
    this.#kept.set(site, copy);
    this.#ops.assign(copy, x);
  }

  #replace(site: string, x: Tensor): Tensor {
    const data = this.#replacements.get(site);
    if (!data) return x;
    if (data.length !== size(x.shape)) {
      throw new UsageError(
        `the replacement of '${site}' has ${data.length} numbers, wanted ${size(x.shape)} for ${show(x.shape)}.`,
      );
    }
    switch (x.dtype) {
      case 'i8':
        return this.#ops.upload(Int8Array.from(data), x.shape);
      case 'i32':
        return this.#ops.upload(Int32Array.from(data), x.shape);
      default:
        return this.#ops.upload(Float32Array.from(data), x.shape);
    }
  }
}
