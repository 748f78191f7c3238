/**
 * Changes activations, each row with its own strength. x[T, ...] has W numbers in a row; by[T]; channels[W], 1 where a channel is changed and
 * 0 where it is not; vector[N, W], N = 1 (one for all rows) or T (one for each); `scale` has no vector. -> the shape of x.
 *   add      x + by v
 *   scale    by x
 *   set      v where by is 1, else x + by (v - x)
 *   project  x - by (x . v) v, in each group of `width` channels by itself, over the channels that are changed. The caller gives v unit length.
 * A row whose strength is neutral (0; for `scale` 1) keeps its bits, and so does a channel that is not changed.
 */
import { ShapeError } from '../base/errors.ts';
import { size, type Tensor } from '../base/tensor.ts';
import { expect, input } from './check.ts';
import type { Op } from './op.ts';

export type InterventionKind = 'add' | 'scale' | 'set' | 'project';

export interface InterveneAttrs {
  readonly kind: InterventionKind;
  /** Channels of a group; used by `project` only. Divides W. */
  readonly width: number;
}

/** Strength at which nothing is changed. */
export const neutralOf = (kind: InterventionKind): number => (kind === 'scale' ? 1 : 0);

export const intervene: Op<InterveneAttrs> = {
  name: 'intervene',
  outputs(inputs, { kind, width }) {
    const x = input('intervene', inputs, 0);
    const [t = 1, ...row] = x.shape;
    expect('intervene', x, [t, ...row], 'x[T, ...]');
    const channels = size(row);
    expect('intervene', input('intervene', inputs, 1), [t], 'by[T]');
    expect('intervene', input('intervene', inputs, 2), [channels], 'channels[W]');
    if (kind !== 'scale') {
      const vector = input('intervene', inputs, 3);
      expect('intervene', vector, [vector.shape[0] === t ? t : 1, channels], 'vector[N, W]');
    }
    if (kind === 'project' && !(width > 0 && channels % width === 0))
      throw new ShapeError('intervene', `groups of ${width} do not divide ${channels} channels`);
    return [{ shape: x.shape }];
  },
  /** Of x only: strengths and vectors are not trained. */
  gradient({ ops, inputs: [x, by, channels, vector], gradients: [dy], attrs: { kind, width }, give }) {
    const use = { by: by as Tensor, channels: channels as Tensor, width };
    const zero = () => ops.zeros([1, size((x as Tensor).shape.slice(1))]);
    if (kind === 'add') give(0, dy as Tensor);
    else if (kind === 'scale') give(0, ops.intervene(dy as Tensor, { kind, ...use }));
    else give(0, ops.intervene(dy as Tensor, { kind, ...use, vector: kind === 'set' ? zero() : (vector as Tensor) }));
  },
};
