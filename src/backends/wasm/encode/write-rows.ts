/** See ops/write-rows.ts. */
import { size } from '../../../base/tensor.ts';
import type { Encoder, Located } from '../command.ts';
import { move, rowBytes } from './move-rows.ts';

export const writeRows: Encoder<undefined> = (to, inputs) => {
  const [pool, rows, at] = inputs as [Located, Located, Located];
  const [count = 0, ...row] = rows.shape;
  if (rows.dtype === pool.dtype) return move(to, pool, rows, count, { to: at });
  to.begin(pool.dtype === 'f16' ? 'writeHalves' : 'writeCodes');
  to.u32(pool.address, rows.address, at.address, count, size(row), rowBytes(pool), row.at(-1) ?? 1);
};
