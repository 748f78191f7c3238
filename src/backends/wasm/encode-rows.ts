/** Commands that move rows. */
import { byteSize, size } from '../../tensor.ts';
import type { CommandWriter, Encoder, Located } from './command.ts';

const rowBytes = ({ shape, dtype }: Located) => byteSize(shape.slice(1), dtype);

/** Rows as they are; `places` say where they lie in `to` and in `from`, where they are not in order. */
function move(
  to: CommandWriter,
  target: Located,
  source: Located,
  count: number,
  places: { to?: Located; from?: Located },
) {
  to.begin('moveRows');
  to.u32(target.address, source.address, count, rowBytes(target), places.to?.address ?? 0, places.from?.address ?? 0);
}

export const writeRows: Encoder<undefined> = (to, inputs) => {
  const [pool, rows, at] = inputs as [Located, Located, Located];
  const [count = 0, ...row] = rows.shape;
  if (rows.dtype === pool.dtype) return move(to, pool, rows, count, { to: at });
  to.begin(pool.dtype === 'f16' ? 'writeHalves' : 'writeCodes');
  to.u32(pool.address, rows.address, at.address, count, size(row), rowBytes(pool), row.at(-1) ?? 1);
};

export const copyRows: Encoder<undefined> = (to, inputs) => {
  const [pool, from, target] = inputs as [Located, Located, Located];
  move(to, pool, pool, from.shape[0] as number, { to: target, from });
};

export const gather: Encoder<undefined> = (to, inputs, [y]) => {
  const [x, at] = inputs as [Located, Located];
  move(to, y as Located, x, at.shape[0] as number, { from: at });
};

export const concat: Encoder<undefined> = (to, parts, [y]) => {
  let { address } = y as Located;
  for (const x of parts) {
    const bytes = byteSize(x.shape, x.dtype);
    to.begin('copy');
    to.u32(address, x.address, bytes);
    address += bytes;
  }
};
