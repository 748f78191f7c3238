/** How large the state of each layer is over time. */
import { checkOptions } from '../../options/check.ts';
import type { Subject, SubjectPrompt } from '../subject.ts';
import { type Word, wordsOf } from '../words.ts';
import { ScanState } from './scan.ts';
import { idsOf, SCAN_OPTIONS, type ScanOptions, scanSteps, scansOf } from './values.ts';

export interface StateNorms {
  readonly tokens: readonly Word[];
  readonly layers: readonly {
    readonly layer: number;
    /** Norm (Frobenius) of the state [E, N] after each token. */
    readonly norm: readonly number[];
  }[];
}

/** The norm of each layer's state after every token, from the recurrence over the values inside of the scan, in double precision. */
export async function stateNorms(
  subject: Subject,
  prompt: SubjectPrompt,
  options: ScanOptions = {},
): Promise<StateNorms> {
  const { layers, signal, onProgress } = checkOptions('stateNorms', options, SCAN_OPTIONS);
  const scans = scansOf(subject, layers);
  const ids = idsOf(subject, prompt);
  const made: ScanState[] = [];
  for (const layer of scans.layers)
    made.push(new ScanState(await subject.parameter(`blocks.${layer}.a`), scans.channels, scans.states));
  const norms = scans.layers.map((): number[] => []);
  for await (const step of scanSteps(subject, ids, scans, ['dt', 'b', 'convOut'], signal)) {
    for (const [k, { tokens, values }] of step.layers.entries()) {
      for (let t = 0; t < tokens; t++)
        norms[k]?.push((made[k] as ScanState).step(t, values.dt, values.b, values.convOut));
    }
    onProgress?.((norms[0]?.length ?? 0) * scans.layers.length, ids.length * scans.layers.length);
  }
  return {
    tokens: wordsOf(subject, ids),
    layers: scans.layers.map((layer, k) => ({ layer, norm: norms[k] as number[] })),
  };
}
