/** State: what a recurrent model takes in, how long it remembers, and what it says with another state. */
import { useState } from 'preact/hooks';
import {
  effectiveAttention,
  effectiveAttentionReport,
  memorySpans,
  normsReport,
  spansReport,
  stateNorms,
  stepSizes,
  stepsReport,
  transplantReport,
  transplantState,
} from '../../../../src/web.ts';
import { Choice, Text } from '../../parts/fields.tsx';
import { ReportView } from '../../parts/figure.tsx';
import { useRun } from '../../parts/run.ts';
import { Said } from '../../parts/said.tsx';
import { useSetting } from '../../place.ts';
import type { ViewProps } from '../view.ts';

const SHOWS = [
  ['steps', 'What is read, what is passed over'],
  ['attention', 'Effective attention'],
  ['norms', 'Size of the state'],
  ['spans', 'How long it remembers'],
] as const;

export function StateView({ loaded: { model } }: ViewProps) {
  const [text, setText] = useSetting('text', 'The king was angry with his son, and then');
  const [other, setOther] = useSetting('other', 'The girl was afraid of her mother, and');
  const [show, setShow] = useSetting('show', 'steps');
  const layers = model.facts.nLayers ?? 1;
  const [layer, setLayer] = useState(String(layers - 1));
  const swapped = useRun(
    (signal) => transplantState(model, text, { ...(other ? { from: other } : {}), signal }),
    [model, text, other],
  );
  const run = useRun(
    async (signal) => {
      const some = { layers: [Number(layer)], signal };
      if (show === 'attention') return effectiveAttentionReport(await effectiveAttention(model, text, some), []);
      if (show === 'spans') return spansReport(await memorySpans(model, text, { signal }), []);
      if (show === 'norms') return normsReport(await stateNorms(model, text, { signal }), []);
      return stepsReport(await stepSizes(model, text, { signal }), []);
    },
    [model, text, show, layer],
  );
  return (
    <div class="stack">
      <div class="columns halves">
        <Text label="Text" value={text} onChange={setText} rows={2} />
        <Text
          label="Another text, whose state is put in its place before the last token"
          value={other}
          onChange={setOther}
          rows={2}
        />
      </div>
      <Said run={swapped}>{(value) => <ReportView report={transplantReport(value, [])} />}</Said>
      <div class="fields">
        <Choice label="Show" value={show} choices={SHOWS} onChange={setShow} />
        {show === 'attention' && (
          <Choice
            label="Layer"
            value={layer}
            choices={Array.from({ length: layers }, (_, i) => [String(i), String(i)] as const)}
            onChange={setLayer}
          />
        )}
      </div>
      <Said run={run}>{(report) => <ReportView report={report} wanted={({ kind }) => kind !== 'table'} />}</Said>
    </div>
  );
}
