/** See ops/expert-outputs.ts. */
import type { Activation } from '../../../ops/index.ts';
import type { CommandWriter, Encoder, Located } from '../command.ts';
import { formatOf, inputBytes, packInputs, productScratch, rowBytes, rowsAtOnce, tileOf } from './products.ts';

interface Inputs {
  readonly x: Located;
  readonly ids: Located;
  readonly wIn: Located;
  readonly wOut: Located;
}

/** What each chosen expert makes of its token, [T, A, M] at address `z`. */
export function outputsAt(to: CommandWriter, z: number, { x, ids, wIn, wOut }: Inputs, activation: Activation): void {
  const [count = 0, width = 0, inner = 0] = wOut.shape;
  const [tokens = 0, active = 0] = ids.shape;
  const slots = tokens * active;
  const order = to.temp(4 * slots);
  const groups = to.temp(4 + 12 * Math.min(count, slots));
  const both = to.temp(8 * slots * inner);
  const { dtype } = wIn;
  /** `slotsPerInput`: so many slots read the same input. A single input may still be in floats. */
  const byExpert = (
    out: number,
    input: number,
    w: Located,
    [rows, columns]: readonly [number, number],
    slotsPerInput: number,
    inputs = 0,
  ): void => {
    to.begin('linearByExpert', { after: true, scratchBytes: productScratch(tokens, columns, dtype) });
    to.u32(out, input, order, groups, w.address, rows, columns, formatOf(dtype));
    to.u32(rowsAtOnce(rows, rowBytes(columns, dtype), to.parts), slotsPerInput, tokens, inputs, tileOf(to), rows, 0);
  };
  to.begin('groupByExpert');
  to.u32(order, groups, ids.address, slots, count, to.temp(4 * count));
  const read = packInputs(to, x.address, tokens, width, dtype);
  byExpert(both, read, wIn, [2 * inner, width], active, tokens);
  const hidden = to.temp(slots * inputBytes(inner, dtype));
  to.begin('gateTokens', { after: true, scratchBytes: 4 * inner });
  to.u32(hidden, both, slots, inner, activation === 'relu2' ? 1 : 0, formatOf(dtype));
  byExpert(z, hidden, wOut, [width, inner], 1);
}

export const expertOutputs: Encoder<{ activation: Activation }> = (to, inputs, [z], { activation }) => {
  const [x, ids, wIn, wOut] = inputs as [Located, Located, Located, Located];
  outputsAt(to, (z as Located).address, { x, ids, wIn, wOut }, activation);
};
