/** A text as a model writes it, beside the same with something changed. */
import type { Alternative, Intervention, InterventionSet, Model } from '../../../src/web.ts';
import type { Remote } from '../../../src/worker/index.ts';
import { Ranked } from './ranked.tsx';
import { type Run, useRun } from './run.ts';

export interface Continued {
  readonly ids: readonly number[];
  readonly text: string;
  /** What may come first, the likeliest first. */
  readonly next: readonly Alternative[];
}

/** Interventions as data, which travel to the worker. */
export type Changes = InterventionSet | readonly Intervention[];

const WORDS = 6;
const TOKENS = 32;

/** The likeliest text, and what else may come first. */
export async function continued(
  model: Remote<Model>,
  text: string,
  interventions: Changes | undefined,
  signal?: AbortSignal,
): Promise<Continued> {
  const ids: number[] = [];
  let [all, next]: [string, readonly Alternative[]] = ['', []];
  const options = { maxNewTokens: TOKENS, temperature: 0, alternatives: WORDS, interventions, signal };
  for await (const step of model.generate(text, options)) {
    if (ids.length === 0) next = step.alternatives ?? [];
    if (step.id !== undefined) ids.push(step.id);
    all += step.text;
  }
  return { ids, text: all, next };
}

interface TwinsProps {
  readonly model: Remote<Model>;
  readonly text: string;
  /** Undefined: nothing is changed. */
  readonly changed: Changes | undefined;
  /** Equal when `changed` is. */
  readonly changeKey: string;
  readonly names?: readonly [string, string];
}

export function Twins({ model, text, changed, changeKey, names = ['As it is', 'Changed'] }: TwinsProps) {
  const plain = useRun((signal) => continued(model, text, undefined, signal), [model, text]);
  const other = useRun(
    changed ? (signal) => continued(model, text, changed, signal) : undefined,
    [model, text, changeKey],
    80,
  );
  return (
    <div class="twins panel" role="group" aria-label="What the model writes" aria-live="polite">
      <Twin name={names[0]} text={text} run={plain} />
      {changed ? (
        <Twin name={names[1]} text={text} run={other} before={plain.value} />
      ) : (
        <div>
          <h3>{names[1]}</h3>
          <p class="soft">Nothing is changed yet.</p>
        </div>
      )}
    </div>
  );
}

interface TwinProps {
  readonly name: string;
  readonly text: string;
  readonly run: Run<Continued>;
  readonly before?: Continued | undefined;
}

export function Twin({ name, text, run, before }: TwinProps) {
  const { value, error, busy } = run;
  const same = commonStart(value?.text ?? '', before?.text ?? value?.text ?? '');
  return (
    <div class={busy ? 'busy' : ''} data-busy={busy}>
      <h3>{name}</h3>
      {error && (
        <p role="alert" class="error">
          {error.message}
        </p>
      )}
      {value && (
        <>
          <p class="prose">
            <span>{text}</span>
            {value.text.slice(0, same)}
            {same < value.text.length && <b class="changed">{value.text.slice(same)}</b>}
          </p>
          <Ranked label={`Likeliest next tokens: ${name}`} words={value.next} />
        </>
      )}
    </div>
  );
}

function commonStart(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
