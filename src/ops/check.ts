/** Shape checks that the rules of several ops share. */
import { ShapeError } from '../base/errors.ts';
import { type ElementType, type Shape, show, type Tensor } from '../base/tensor.ts';
import type { Op } from './op.ts';

/** Element types of activations: of inputs whose type a rule does not name, and of outputs (see op.ts). */
export const ACTIVATIONS: readonly ElementType[] = ['f32'];

/** Input `i`; ShapeError when the op was given fewer. */
export function input(op: string, inputs: readonly Tensor[], i: number): Tensor {
  const x = inputs[i];
  if (!x) throw new ShapeError(op, `got ${inputs.length} inputs, wanted at least ${i + 1}`);
  return x;
}

/** Checks type and shape; `-1` in `wanted` fits any length. `legend` names the axes in the message, as in `x[T, K]`. */
export function expect(
  op: string,
  x: Tensor,
  wanted: Shape,
  legend: string,
  dtypes: readonly ElementType[] = ACTIVATIONS,
): void {
  const fits = x.shape.length === wanted.length && wanted.every((d, i) => d === -1 || d === x.shape[i]);
  if (!fits) throw new ShapeError(op, `${legend} came as ${show(x.shape)}, wanted ${show(wanted)}`);
  if (!dtypes.includes(x.dtype))
    throw new ShapeError(op, `${legend} came as ${x.dtype}, wanted ${dtypes.join(' or ')}`);
}

/** Axis `i` of a tensor whose rank is known to be large enough. */
export function axis(op: string, x: Tensor, i: number): number {
  const d = x.shape[i];
  if (d === undefined) throw new ShapeError(op, `${show(x.shape)} has no axis ${i}`);
  return d;
}

/** `starts` of packed sequences: 0 = starts[0] <= starts[1] <= ... = T. */
export function checkStarts(op: string, starts: readonly number[], tokens: number): void {
  const ordered = starts.every((s, i) => i === 0 || s >= (starts[i - 1] ?? 0));
  if (starts[0] !== 0 || starts.at(-1) !== tokens || !ordered) {
    throw new ShapeError(op, `starts ${show(starts)} do not divide ${tokens} tokens`);
  }
}

/** The parts of an op all of whose inputs and outputs have one shape. */
export function sameShape(
  name: string,
  inputs: number,
  outputs = 1,
): { name: string; outputs: Op<unknown>['outputs'] } {
  return {
    name,
    outputs(given) {
      const x = input(name, given, 0);
      expect(name, x, x.shape, 'x');
      for (let i = 1; i < inputs; i++) expect(name, input(name, given, i), x.shape, `input ${i}`);
      return Array.from({ length: outputs }, () => ({ shape: x.shape }));
    },
  };
}
