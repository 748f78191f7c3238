/** Moves rows as they are: assembly/move-rows.ts. */
import { byteSize } from '../../../base/tensor.ts';
import type { CommandWriter, Located } from '../command.ts';

export const rowBytes = ({ shape, dtype }: Located) => byteSize(shape.slice(1), dtype);

/** Rows as they are; `places` say where they lie in `to` and in `from`, where they are not in order. */
export function move(
  to: CommandWriter,
  target: Located,
  source: Located,
  count: number,
  places: { to?: Located; from?: Located },
) {
  to.begin('moveRows');
  to.u32(target.address, source.address, count, rowBytes(target), places.to?.address ?? 0, places.from?.address ?? 0);
}
