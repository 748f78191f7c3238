/** Lens: what the model would say after each layer, where it looks, which part makes a prediction, and what a single value carries. */
import {
  attentionPatterns,
  attentionReport,
  attributeLogit,
  attributionReport,
  lensReport,
  logitLens,
  type Model,
  patchActivations,
  patchingReport,
  type Report,
} from '../../../../src/web.ts';
import { Choice, Text, Word } from '../../parts/fields.tsx';
import { ReportView } from '../../parts/figure.tsx';
import { useRun } from '../../parts/run.ts';
import { Said } from '../../parts/said.tsx';
import { useSetting } from '../../place.ts';
import { hasSite, type ViewProps } from '../view.ts';

const hasAttention = hasSite('pattern');

interface Asked {
  readonly show: string;
  readonly text: string;
  readonly other: string;
  readonly word: string;
  readonly against: string;
  readonly layer: number;
}

/** A word of a text begins with its space. */
const within = (word: string): string => (/^\s/.test(word) || word === '' ? word : ` ${word}`);

async function reportOf(model: Model, asked: Asked, signal: AbortSignal): Promise<Report> {
  const { show, text, other, layer } = asked;
  const [word, against] = [within(asked.word), within(asked.against)];
  switch (show) {
    case 'attention':
      return attentionReport(await attentionPatterns(model, text, { layers: [layer], signal }), []);
    case 'attribution':
      return attributionReport(
        await attributeLogit(model, text, { word, ...(against ? { against } : {}), signal }),
        [],
      );
    case 'patching':
      return patchingReport(
        await patchActivations(model, { clean: text, corrupted: other, word, against, signal }),
        [],
      );
    default:
      return lensReport(await logitLens(model, text, { top: 5, signal }), []);
  }
}

export function LensView({ loaded: { model } }: ViewProps) {
  const [text, setText] = useSetting('text', 'There was once a girl. One day');
  const [other, setOther] = useSetting('other', 'There was once a boy. One day');
  const [word, setWord] = useSetting('word', 'she');
  const [against, setAgainst] = useSetting('against', 'he');
  const [show, setShow] = useSetting('lens', 'lens');
  const layers = model.facts.nLayers ?? 1;
  const [layer, setLayer] = useSetting('layer', '0');
  const shows = [
    ['lens', 'Logit lens'],
    ...(hasAttention(model) ? [['attention', 'Attention'] as const] : []),
    ...(model.residualStream ? [['attribution', 'Attribution'] as const] : []),
    ['patching', 'Patching between two texts'],
  ] as const;
  const shown = shows.some(([one]) => one === show) ? show : 'lens';
  const asked = { show: shown, text, other, word, against, layer: Math.min(Number(layer) || 0, layers - 1) };
  const used = shown === 'lens' ? [text] : shown === 'attention' ? [text, layer] : [text, other, word, against];
  const run = useRun(
    (signal) => reportOf(model, asked, signal),
    [model, shown, ...used].concat(Array(5 - used.length).fill('')),
  );
  return (
    <div class="stack">
      <div class="fields">
        <Choice label="Show" value={shown} choices={shows} onChange={setShow} />
        {shown === 'attention' && (
          <Choice
            label="Layer"
            value={String(asked.layer)}
            choices={Array.from({ length: layers }, (_, i) => [String(i), String(i)] as const)}
            onChange={setLayer}
          />
        )}
        {(shown === 'attribution' || shown === 'patching') && (
          <>
            <Word label="Why does it say" value={word} onChange={setWord} />
            <Word label="rather than" value={against} onChange={setAgainst} />
          </>
        )}
      </div>
      <Text label="Text" value={text} onChange={setText} rows={1} />
      {shown === 'patching' && (
        <Text
          label="The text that is read with values of the first; as many tokens"
          value={other}
          onChange={setOther}
          rows={1}
        />
      )}
      <Said run={run}>{(report) => <ReportView report={report} />}</Said>
    </div>
  );
}
