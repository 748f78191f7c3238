/** Feed-forward network of GPT-2: out(gelu(in(x))), with matrices stored as [in, out]. x[T, in] -> [T, out] */
import { hiddenOf } from './gated-mlp.ts';
import type { DeclaredSite, Part } from './part.ts';
import type { RowLayer } from './pass.ts';
import type { Weights } from './weights.ts';

/** GPT-2's Conv1D stores its matrices as [in, out]. */
export const CONV1D = { transposed: true, bias: true };

/** `widths`: input, hidden, output. `shown`: the part that declares its sites, and the site of x; without it, nothing is shown to taps. */
export function geluMlp(
  w: Weights,
  [dIn, dInner, dOut]: readonly [number, number, number],
  shown?: { readonly part: Part; readonly reads: DeclaredSite },
): RowLayer {
  const into = w.linear('c_fc', dIn, dInner, { ...CONV1D, reads: shown?.reads });
  const mlpHidden = shown && hiddenOf(shown.part);
  const out = w.linear('c_proj', dInner, dOut, { ...CONV1D, reads: mlpHidden });
  return (pass, x) => {
    const inner = pass.ops.gelu(into(pass, x)); // [T, F]
    return out(pass, mlpHidden ? pass.show(mlpHidden, inner) : inner);
  };
}
