/** A pre-norm transformer block (GPT-2, Llama): attention and a feed-forward network, both branches of the residual stream. */
import type { Attention } from './attention.ts';
import type { DeclaredSite, Part } from './part.ts';
import type { Layer } from './pass.ts';

export interface BlockParts {
  readonly normAttention: Layer;
  /** The attention whose input is the site `reads`. */
  readonly attention: (reads: DeclaredSite) => Attention;
  readonly normFeedForward: Layer;
  readonly feedForward: (reads: DeclaredSite) => Layer;
  /** Factor of what each branch adds to the residual stream; default 1. */
  readonly residualScale?: number | undefined;
}

/** x[T, M] -> [T, M] */
export function block(part: Part, { residualScale, ...parts }: BlockParts): Layer {
  const residPre = part.site('residPre', '[T, M]', 'residual stream before the block');
  const attnIn = part.site('attnIn', '[T, M]', 'input of the attention, normalised');
  const attention = parts.attention(attnIn);
  const attnOut = part.site('attnOut', '[T, M]', 'what the attention adds to the residual stream');
  const residMid = part.site('residMid', '[T, M]', 'residual stream between attention and feed-forward');
  const mlpIn = part.site('mlpIn', '[T, M]', 'input of the feed-forward part, normalised');
  const feedForward = parts.feedForward(mlpIn);
  const mlpOut = part.site('mlpOut', '[T, M]', 'what the feed-forward part adds to the residual stream');
  const residPost = part.site('residPost', '[T, M]', 'residual stream after the block');
  part.adds(attnOut, residualScale, attention.result);
  part.adds(mlpOut, residualScale);
  return (pass, input) => {
    const { ops, show } = pass;
    const pre = show(residPre, input);
    const attended = attention(pass, show(attnIn, parts.normAttention(pass, pre)));
    const mid = show(residMid, ops.add(pre, show(attnOut, attended), residualScale));
    const fed = feedForward(pass, show(mlpIn, parts.normFeedForward(pass, mid)));
    return show(residPost, ops.add(mid, show(mlpOut, fed), residualScale));
  };
}
