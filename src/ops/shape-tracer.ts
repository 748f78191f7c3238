/**
 * A tracer whose ops give tensors of the right shapes and compute nothing. It counts the memory that a step would take, for what is asked before
 * any weight is read.
 */
import { byteSize, dtypeOf, type Place, type Shape, type Tensor, type Uploadable } from '../base/tensor.ts';
import { outputsOf } from './op.ts';
import type { Apply, Derived, Tracer } from './tracer.ts';

export class ShapeTracer implements Tracer {
  /** Bytes of the values that exist now. */
  bytes = 0;
  /** Most bytes that existed at once. */
  peakBytes = 0;
  readonly #sizes = new Map<Place, number>();
  /** What the running scopes have made, innermost last. */
  readonly #scopes: Place[][] = [];

  readonly apply: Apply = (op, inputs, attrs) => {
    const specs = outputsOf(op, inputs, attrs);
    const [source] = inputs;
    if (op.view && source) return specs.map(({ shape, dtype }) => ({ shape, dtype, place: source.place, offset: 0 }));
    const outputs = specs.map(({ shape, dtype }) => this.tensor(shape, dtype));
    this.peakBytes = Math.max(this.peakBytes, this.bytes + (op.workBytes?.(inputs, attrs) ?? 0));
    return outputs;
  };

  /** A new value. */
  tensor(shape: Shape, dtype: Tensor['dtype'] = 'f32'): Tensor {
    const place = {};
    const bytes = byteSize(shape, dtype);
    this.#sizes.set(place, bytes);
    this.#scopes.at(-1)?.push(place);
    this.bytes += bytes;
    this.peakBytes = Math.max(this.peakBytes, this.bytes);
    return { shape, dtype, place, offset: 0 };
  }

  derived({ kept }: Derived): Tensor {
    return this.tensor(kept.shape);
  }

  upload(data: Uploadable, shape: Shape): Tensor {
    return this.tensor(shape, dtypeOf(data));
  }

  release({ place }: Pick<Tensor, 'place'>): void {
    this.bytes -= this.#sizes.get(place) ?? 0;
    this.#sizes.delete(place);
  }

  scope(body: () => Tensor): Tensor {
    this.#scopes.push([]);
    const result = body();
    const made = this.#scopes.pop() ?? [];
    for (const place of made) if (place !== result.place) this.release({ place });
    if (made.includes(result.place)) this.#scopes.at(-1)?.push(result.place);
    return result;
  }
}
