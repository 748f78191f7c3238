/** Steer: a direction between two kinds of texts, added while the model writes. */
import { trialReport, vectorsReport } from '../../../../src/web.ts';
import { Range, Text, Word } from '../../parts/fields.tsx';
import { ReportView } from '../../parts/figure.tsx';
import { useRun } from '../../parts/run.ts';
import { Said } from '../../parts/said.tsx';
import { Twins } from '../../parts/twin.tsx';
import { wordWithin } from '../../parts/word-within.ts';
import { useNumber, useSetting } from '../../place.ts';
import type { ViewProps } from '../view.ts';
import { AWAY, linesOf, middleOf, STRENGTH, siteAfter, steered, TOWARDS } from './steering.ts';

const NEUTRAL = 'The sun rose over the hills, and the wind blew.';
const MOST = 4;
const STRENGTHS = [-4, -3, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 4];

export function SteerView({ loaded: { library, model, seen } }: ViewProps) {
  const [text, setText] = useSetting('text', 'One day the child said that');
  const [positive, setPositive] = useSetting('towards', TOWARDS);
  const [negative, setNegative] = useSetting('away', AWAY);
  const [by, setBy] = useNumber('by', STRENGTH);
  const [watched, setWatched] = useSetting('watch', 'he, she');
  const last = seen.layers - 1;
  const [layer, setLayer] = useNumber('layer', middleOf(seen));
  const site = siteAfter(layer, seen);
  const run = useRun(
    (signal) =>
      model.steeringVector({ positive: linesOf(positive), negative: linesOf(negative), sites: [site], signal }),
    [model, positive, negative, site],
  );
  const vectors = run.error ? undefined : run.value;
  const key = JSON.stringify([site, positive, negative, run.busy]);
  const words = watched
    .split(',')
    .map((word) => wordWithin(word.trim()))
    .filter((word) => word !== '');
  const tried = useRun(
    vectors && !run.busy
      ? (signal) =>
          library.trySteering(model, text, {
            vectors: vectors.vectors,
            strengths: STRENGTHS,
            neutral: NEUTRAL,
            maxNewTokens: 0,
            ...(words.length > 0 ? { words } : {}),
            signal,
          })
      : undefined,
    [model, text, watched, key],
  );
  return (
    <div class="stack">
      <div class="columns halves">
        <Text label="Towards texts like these, one a line" value={positive} onChange={setPositive} rows={4} />
        <Text label="Away from these" value={negative} onChange={setNegative} rows={4} />
      </div>
      <Text label="The text that goes on" value={text} onChange={setText} rows={1} />
      <div class="fields">
        <Range
          label="Strength: left is away, right is towards"
          value={by}
          {...{ least: -MOST, most: MOST, step: 0.25 }}
          shown={(value) => `× ${value.toFixed(2)}`}
          onChange={setBy}
        />
        <Range label="After layer" value={layer} {...{ least: 0, most: last, step: 1 }} onChange={setLayer} />
      </div>
      <Twins
        model={model}
        text={text}
        changed={vectors && by !== 0 ? steered(vectors.interventions, by) : undefined}
        changeKey={`${by} ${key}`}
        names={['As it is', `Steered, × ${by.toFixed(2)}`]}
      />
      <div class="fields">
        <Word label="Words to watch, with commas (empty: those that move most)" value={watched} onChange={setWatched} />
      </div>
      <Said run={tried}>
        {(value) => (
          <div class="figures">
            <ReportView report={trialReport(value, [])} wanted={({ kind }) => kind === 'lines'} />
          </div>
        )}
      </Said>
      <Said run={run}>
        {(found) => (
          <ReportView report={vectorsReport({ steering: found }, [])} wanted={({ kind }) => kind === 'table'} />
        )}
      </Said>
    </div>
  );
}
