/** See ops/sum-slots.ts. */
import type { CommandWriter, Encoder, Located } from '../command.ts';

export function sumInto(to: CommandWriter, y: Located, z: number, gates: Located, after: boolean): void {
  to.begin('sumSlots', { after });
  to.u32(y.address, z, gates.address, ...gates.shape, y.shape[1] as number);
}

export const sumSlots: Encoder<undefined> = (to, [z, gates], [y]) =>
  sumInto(to, y as Located, (z as Located).address, gates as Located, false);
