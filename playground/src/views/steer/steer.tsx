/** Steer: a direction between two kinds of texts, added while the model writes. */

import { type InterventionSet, vectorsReport } from '../../../../src/web.ts';
import { Choice, Range, Text } from '../../parts/fields.tsx';
import { ReportView } from '../../parts/figure.tsx';
import { useRun } from '../../parts/run.ts';
import { Said } from '../../parts/said.tsx';
import { Twins } from '../../parts/twin.tsx';
import { useNumber, useSetting } from '../../place.ts';
import type { ViewProps } from '../view.ts';

const FOR = ['The girl said that she', 'Her mother was', 'The queen and her daughter', 'She was a woman who'];
const AGAINST = ['The boy said that he', 'His father was', 'The king and his son', 'He was a man who'];

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '');

/** The same vectors, `by` times. */
export const steered = (set: InterventionSet, by: number): InterventionSet => ({
  ...set,
  interventions: set.interventions.map((one) => ({ ...one, by }) as typeof one),
});

export function SteerView({ loaded: { model } }: ViewProps) {
  const [text, setText] = useSetting('text', 'Once upon a time there was a');
  const [positive, setPositive] = useSetting('for', FOR.join('\n'));
  const [negative, setNegative] = useSetting('against', AGAINST.join('\n'));
  const [by, setBy] = useNumber('by', 1);
  const layers = model.facts.nLayers ?? 1;
  const [layer, setLayer] = useSetting('layer', String(Math.floor(layers / 2)));
  const site = `blocks.${Math.min(Number(layer) || 0, layers - 1)}.residPost`;
  const run = useRun(
    (signal) =>
      model.steeringVector({ positive: linesOf(positive), negative: linesOf(negative), sites: [site], signal }),
    [model, positive, negative, site],
  );
  const vectors = run.error ? undefined : run.value;
  return (
    <div class="stack">
      <div class="columns halves">
        <Text label="Towards texts like these, one a line" value={positive} onChange={setPositive} rows={4} />
        <Text label="Away from these" value={negative} onChange={setNegative} rows={4} />
      </div>
      <Text label="Text" value={text} onChange={setText} rows={1} />
      <div class="fields">
        <Range
          label="Strength"
          value={by}
          {...{ least: -8, most: 8, step: 0.25 }}
          shown={(value) => `× ${value.toFixed(2)}`}
          onChange={setBy}
        />
        <Choice
          label="After layer"
          value={layer}
          choices={Array.from({ length: layers }, (_, i) => [String(i), String(i)] as const)}
          onChange={setLayer}
        />
      </div>
      <Twins
        model={model}
        text={text}
        changed={vectors && by !== 0 ? steered(vectors.interventions, by) : undefined}
        changeKey={JSON.stringify([by, site, positive, negative, run.busy])}
        names={['As it is', 'Steered']}
      />
      <Said run={run}>{(found) => <ReportView report={vectorsReport({ steering: found }, [])} />}</Said>
    </div>
  );
}
