/**
 * Ops that move numbers and compute nothing.
 *   zeros      a tensor of zeros, f32
 *   writeRows  target[at .. at + n] = rows; target[C, ...] is state, written in place; f32 rows are rounded to a format of
 *              keys and values where the target has one. A third input row[1], i32, is added to `at`; who gives it sees to it that
 *              there is room
 *   assign     target = source, in place
 */
import { ShapeError } from '../errors.ts';
import { type ElementType, isPacked, type Shape, show, type Tensor } from '../tensor.ts';
import { axis, expect, input } from './check.ts';
import type { Op } from './op.ts';

export const zeros: Op<{ shape: Shape }> = {
  name: 'zeros',
  outputs: (_, { shape }) => [{ shape, dtype: 'f32' }],
};

const sourcesOf = ({ dtype }: Tensor): ElementType[] => (dtype === 'f16' || isPacked(dtype) ? ['f32', dtype] : [dtype]);

export const writeRows: Op<{ at: number }> = {
  name: 'writeRows',
  outputs(inputs, { at }) {
    const target = input('writeRows', inputs, 0);
    const source = input('writeRows', inputs, 1);
    expect('writeRows', source, [-1, ...target.shape.slice(1)], 'rows[n, ...]', sourcesOf(target));
    const count = axis('writeRows', source, 0);
    if (inputs[2]) expect('writeRows', inputs[2], [1], 'row[1]', ['i32']);
    if (at < 0 || at + count > axis('writeRows', target, 0)) {
      throw new ShapeError('writeRows', `rows ${at}..${at + count} lie outside of ${show(target.shape)}`);
    }
    return [];
  },
  mutates: (inputs) => inputs.slice(0, 1),
};

export const assign: Op<undefined> = {
  name: 'assign',
  outputs(inputs) {
    const target = input('assign', inputs, 0);
    expect('assign', input('assign', inputs, 1), target.shape, 'source', [target.dtype]);
    return [];
  },
  mutates: (inputs) => inputs.slice(0, 1),
};
