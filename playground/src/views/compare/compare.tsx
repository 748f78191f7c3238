/** Compare: two models, or one in two formats, on one text. */
import { useEffect, useState } from 'preact/hooks';
import { type Comparison, compare, type Table, type WeightFormat } from '../../../../src/web.ts';
import { type Loaded, offeredModels, openModel, typed } from '../../models.ts';
import { Choice, Text, Word } from '../../parts/fields.tsx';
import { FigureView } from '../../parts/figure.tsx';
import { useRun } from '../../parts/run.ts';
import { Said } from '../../parts/said.tsx';
import { continued, Twin } from '../../parts/twin.tsx';
import { useSetting } from '../../place.ts';
import type { ViewProps } from '../view.ts';

export function CompareView({ loaded }: ViewProps) {
  const { model } = loaded;
  const [text, setText] = useSetting('text', 'Once upon a time there was a little girl who lived in a wood.');
  const [name, setName] = useSetting('with', '');
  const [format, setFormat] = useSetting('format', 'q4');
  const [other, setOther] = useState<Loaded | undefined>(undefined);
  const [error, setError] = useState<Error | undefined>(undefined);
  useEffect(() => {
    const controller = new AbortController();
    let made: Loaded | undefined;
    setOther(undefined);
    setError(undefined);
    const timer = setTimeout(async () => {
      try {
        const reference = name ? typed(name, await offeredModels()) : loaded;
        made = await openModel(reference, { weights: format as WeightFormat, signal: controller.signal });
        if (controller.signal.aborted) await made.model.dispose();
        else setOther(made);
      } catch (problem) {
        if (!controller.signal.aborted) setError(problem as Error);
      }
    }, 400);
    return () => {
      clearTimeout(timer);
      controller.abort();
      made?.model.dispose();
    };
  }, [loaded, name, format]);
  const one = useRun((signal) => continued(model, text, undefined, signal), [model, text]);
  const two = useRun(other ? (signal) => continued(other.model, text, undefined, signal) : undefined, [other, text]);
  const sameTokens = other && other.model.facts.vocabSize === model.facts.vocabSize && !name;
  const difference = useRun(sameTokens ? (signal) => compare(other.model, model, text, { signal }) : undefined, [
    sameTokens,
    other,
    text,
  ]);
  const formats = Object.keys(loaded.description.weightBytes);
  return (
    <div class="stack">
      <div class="fields">
        <Word label="With the model (empty: the same)" value={name} onChange={setName} placeholder={loaded.name} />
        <Choice
          label="Weights of the second as"
          value={format}
          choices={[...new Set([...formats, format])].map((one) => [one, one] as const)}
          onChange={setFormat}
        />
      </div>
      <Text label="Text" value={text} onChange={setText} rows={2} />
      {error && (
        <p role="alert" class="error">
          {error.message}
        </p>
      )}
      <div class="twins panel" aria-live="polite" role="group" aria-label="What both models write">
        <Twin name={`${loaded.name}, ${loaded.weights}`} text={text} run={one} />
        {other ? (
          <Twin name={`${other.name}, ${other.weights}`} text={text} run={two} before={one.value} />
        ) : (
          <p class="soft">{error ? '' : 'Loading…'}</p>
        )}
      </div>
      {sameTokens && <Said run={difference}>{(value) => <FigureView figure={differences(value)} />}</Said>}
    </div>
  );
}

/** Log-probabilities are in nats. */
const differences = (found: Comparison): Table => ({
  kind: 'table',
  title: 'How far the second is from the first, on this text',
  columns: ['what', 'value'],
  rows: [
    ['tokens predicted', found.tokens],
    ['perplexity of the first', found.referencePerplexity.toFixed(3)],
    ['perplexity of the second', found.perplexity.toFixed(3)],
    ['KL(first || second), mean, nats', found.klMean.toExponential(2)],
    ['KL, largest, nats', found.klMax.toExponential(2)],
    ['same likeliest token', `${(100 * found.sameTop).toFixed(1)}%`],
  ],
});
