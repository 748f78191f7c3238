/** Compare: two models, or one in two formats, on one text. */
import { useEffect, useState } from 'preact/hooks';
import type { Comparison, Table, WeightFormat } from '../../../../src/web.ts';
import { type Loaded, offeredModels, openModel, typed } from '../../models.ts';
import { Choice, Text, Word } from '../../parts/fields.tsx';
import { FigureView } from '../../parts/figure.tsx';
import { type Run, useRun } from '../../parts/run.ts';
import { Said } from '../../parts/said.tsx';
import { continued, Twin } from '../../parts/twin.tsx';
import { place, useSetting } from '../../place.ts';
import type { ViewProps } from '../view.ts';
import { changedBy, changesIn } from './changed.ts';

export function CompareView({ loaded }: ViewProps) {
  const { library, model, seen } = loaded;
  const { settings } = place.value;
  const [text, setText] = useSetting('text', 'Once upon a time there was a little girl who lived in a wood.');
  const [name, setName] = useSetting('with', '');
  const [by, setBy] = useSetting('changed', 'nothing');
  const [file, setFile] = useState<File | undefined>(undefined);
  const [format, setFormat] = useSetting('format', by === 'nothing' && !name ? 'q4' : loaded.weights);
  const second = useSecond(loaded, name, format as WeightFormat);
  const other = second.value;
  const source = other && changedBy[by]?.suits(other.seen) ? changedBy[by] : undefined;
  const key = JSON.stringify([by, source?.settings.map((one) => settings[one])]);
  const asks = source !== undefined || (by === 'file' && file !== undefined);
  const changes = useRun(
    other && asks
      ? async (signal) => (source ? source.changes(other, settings, signal) : changesIn(file as File))
      : undefined,
    [other, key, file],
    80,
  );
  const isChanged = by !== 'nothing';
  const changed = asks && !changes.busy ? changes.value : undefined;
  const isReady = other !== undefined && (!isChanged || changed !== undefined);
  const one = useRun((signal) => continued(model, text, undefined, signal), [model, text]);
  const two = useRun(isReady ? (signal) => continued(other.model, text, changed, signal) : undefined, [
    ...[other, text, changed, isReady],
  ]);
  const sameTokens = other && other.seen.vocabSize === seen.vocabSize && !name;
  const difference = useRun(
    sameTokens && isReady
      ? (signal) =>
          library.compare(other.model, model, text, { ...(changed ? { interventions: changed } : {}), signal })
      : undefined,
    [other, text, changed, isReady, sameTokens],
  );
  const formats = Object.keys(seen.description.weightBytes);
  const sources = Object.entries(changedBy).filter(([, { suits }]) => suits(other?.seen ?? seen));
  const waits = second.error ?? changes.error;
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
        <Choice
          label="The second is changed by"
          value={by}
          choices={[
            ['nothing', 'nothing'],
            ...sources.map(([id, { name }]) => [id, name] as const),
            ['file', 'a file of interventions'],
          ]}
          onChange={setBy}
        />
      </div>
      {by === 'file' && (
        <label class="row">
          File, as Senses saves it and the command line takes it{' '}
          <input
            type="file"
            accept=".json,application/json"
            onChange={(event) => setFile(event.currentTarget.files?.[0])}
          />
        </label>
      )}
      <Text label="Text" value={text} onChange={setText} rows={2} />
      {waits && (
        <p role="alert" class="error">
          {waits.message}
        </p>
      )}
      <div class="twins panel" aria-live="polite" role="group" aria-label="What both write">
        <Twin name={`${loaded.name}, ${loaded.weights}`} text={text} run={one} />
        {isReady ? (
          <Twin
            name={`${other.name}, ${other.weights}${isChanged ? ', changed' : ''}`}
            text={text}
            run={two}
            before={one.value}
          />
        ) : (
          <p class="soft">{waits ? '' : waitsFor(second.busy || changes.busy, by)}</p>
        )}
      </div>
      {sameTokens && isReady && <Said run={difference}>{(value) => <FigureView figure={differences(value)} />}</Said>}
    </div>
  );
}

function waitsFor(busy: boolean, by: string): string {
  if (busy) return 'Loading…';
  return by === 'file' ? 'Choose a file.' : 'Nothing is changed there yet.';
}

/** The second model: the first itself where nothing is another. */
function useSecond(loaded: Loaded, name: string, weights: WeightFormat): Run<Loaded> {
  const [run, setRun] = useState<Run<Loaded>>({ value: undefined, error: undefined, busy: true });
  useEffect(() => {
    if (!name && weights === loaded.weights) return setRun({ value: loaded, error: undefined, busy: false });
    const controller = new AbortController();
    const { signal } = controller;
    let made: Loaded | undefined;
    const free = () => void made?.model.dispose().catch(() => {}); // its worker may have ended
    setRun({ value: undefined, error: undefined, busy: true });
    const timer = setTimeout(async () => {
      try {
        const reference = name ? typed(name, await offeredModels()) : loaded;
        made = await openModel(loaded.library, reference, { weights, signal });
        if (signal.aborted) free();
        else setRun({ value: made, error: undefined, busy: false });
      } catch (error) {
        if (!signal.aborted) setRun({ value: undefined, error: error as Error, busy: false });
      }
    }, 400);
    return () => {
      clearTimeout(timer);
      controller.abort();
      free();
    };
  }, [loaded, name, weights]);
  return run;
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
