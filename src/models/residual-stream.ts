/** The usual end of a model: a norm of the residual stream after the last block, then the head. */
import type { Tensor } from '../base/tensor.ts';
import type { ResidualStream } from './model.ts';
import { finalNorm, type Norm } from './norms.ts';
import type { Part } from './part.ts';

/** Declares the parameters of norm and head; the logits are multiplied by `logitScale`. */
export function readByHead(part: Part, norm: Norm, head: Tensor, logitScale = 1): ResidualStream {
  headParameter(part, head);
  const output = part.sites.findLast(({ name }) => name.endsWith('.residPost'))?.name ?? 'embed'; // a model may have no blocks
  return { writes: part.writes, output, norm: finalNorm(part, norm), head: 'head', logitScale };
}

export const headParameter = (part: Part, head: Tensor): void =>
  part.parameter(
    'head',
    '[V, M]',
    'rows whose products with hidden are the logits, before they are scaled',
    head.shape,
    head,
  );
