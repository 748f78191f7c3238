/** See ops/intervene.ts. */
import { size } from '../../../base/tensor.ts';
import type { InterveneAttrs, InterventionKind } from '../../../ops/intervene.ts';
import type { Encoder, Located } from '../command.ts';

/** Codes of assembly/intervene.ts. */
const KINDS: readonly InterventionKind[] = ['add', 'scale', 'set', 'project'];

/** Channels of a piece of work, about. */
const PIECE = 2048;

export const intervene: Encoder<InterveneAttrs> = (to, [x, by, channels, vector], [y], { kind, width }) => {
  const group = kind === 'project' ? width : 4;
  const count = size((channels as Located).shape);
  to.begin('intervene');
  to.u32((y as Located).address, ...[x, by, channels].map((one) => (one as Located).address), vector?.address ?? 0);
  to.u32((by as Located).shape[0] as number, count, vector?.shape[0] === 1 ? 0 : count, KINDS.indexOf(kind));
  to.u32(group, group * Math.ceil(PIECE / group));
};
