/** Tokens in the order of their probability, each with a bar. */
import { exp } from '../../../src/base/math.ts';
import { labelOf, percent } from '../../../src/figures/numbers.ts';

interface RankedProps {
  readonly label: string;
  readonly words: readonly { readonly id: number; readonly text: string; readonly logprob: number }[];
}

export function Ranked({ label, words }: RankedProps) {
  return (
    <ul class="ranked" aria-label={label}>
      {words.map((one) => (
        <li key={one.id}>
          <div class="entry">
            <span class="bar" style={{ '--share': exp(one.logprob) }} />
            <span class="word">{labelOf(one)}</span>
            <span class="number">{percent(one.logprob)}</span>
          </div>
        </li>
      ))}
    </ul>
  );
}
