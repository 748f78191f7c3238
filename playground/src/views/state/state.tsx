/** State: what a recurrent model takes in, how long it remembers, and what it says with another state. */
import { labelOf } from '../../../../src/figures/numbers.ts';
import {
  effectiveAttentionReport,
  logitSourcesReport,
  normsReport,
  type Report,
  type StatePrediction,
  spansReport,
  stepsReport,
  type Transplant,
} from '../../../../src/web.ts';
import type { Loaded } from '../../models.ts';
import { Choice, Range, Switch, Text, Word } from '../../parts/fields.tsx';
import { ReportView } from '../../parts/figure.tsx';
import { Ranked } from '../../parts/ranked.tsx';
import { useRun } from '../../parts/run.ts';
import { Said } from '../../parts/said.tsx';
import { saveText } from '../../parts/save.ts';
import { Tabs } from '../../parts/tabs.tsx';
import { wordsWithin } from '../../parts/word-within.ts';
import { useNumber, useSetting } from '../../place.ts';
import type { ViewProps } from '../view.ts';
import './state.css';

const SHOWS = [
  ['steps', 'What is taken in'],
  ['attention', 'What is looked back at'],
  ['sources', 'Where a word comes from'],
  ['norms', 'Size of the state'],
  ['spans', 'How long it remembers'],
] as const;

export function StateView({ loaded }: ViewProps) {
  const [text, setText] = useSetting('text', 'The king was angry with his son, and then');
  return (
    <div class="stack">
      <Text label="Text" value={text} onChange={setText} rows={1} />
      <Exchange loaded={loaded} text={text} />
      <Inside loaded={loaded} text={text} />
    </div>
  );
}

interface PartProps extends ViewProps {
  readonly text: string;
}

const WORDS = 5;

/** The same text goes on with its own state, an empty one, and that of another text. */
function Exchange({ loaded, text }: PartProps) {
  const { library, model } = loaded;
  const [other, setOther] = useSetting('from', 'The girl was afraid of her mother, and');
  const [at, setAt] = useNumber('at', -1);
  const [layer, setLayer] = useSetting('in', 'all');
  const [scans, setScans] = useSetting('scans', '');
  const run = useRun(
    (signal) =>
      library.transplantState(model, text, {
        ...(other ? { from: other } : {}),
        ...(layer === 'all' ? {} : { layers: [Number(layer)] }),
        at,
        keepWindow: scans === 'only',
        top: WORDS,
        signal,
      }),
    [model, text, other, at, layer, scans],
  );
  const tokens = run.value?.tokens ?? [];
  const last = Math.max(0, tokens.length - 1);
  const place = at < 0 ? last + 1 + at : at;
  const before = tokens[place];
  return (
    <div class="panel stack">
      <div>
        <h3>Cut or exchange the memory</h3>
        <p class="soft">
          All that the model knows of the words before is in its state. Empty it, or put in what another text left.
        </p>
      </div>
      <Text label="The other text" value={other} onChange={setOther} rows={1} />
      <div class="fields">
        <Range
          label="Exchanged before the token"
          value={place}
          {...{ least: 0, most: last, step: 1 }}
          shown={() => (before ? labelOf(before) : '')}
          onChange={(value) => setAt(value === last ? -1 : value)}
        />
        <Choice
          label="In layers"
          value={layer}
          choices={[['all', 'all'], ...layerChoices(loaded)]}
          onChange={setLayer}
        />
        <Switch
          label="Scans only; convolutions keep the last tokens"
          value={scans === 'only'}
          onChange={(only) => setScans(only ? 'only' : '')}
        />
      </div>
      <Said run={run}>{(value) => <Predictions found={value} />}</Said>
    </div>
  );
}

const layerChoices = ({ seen: { layers } }: Loaded) =>
  Array.from({ length: layers }, (_, i) => [String(i), String(i)] as const);

const NAMES: Readonly<Record<StatePrediction['state'], string>> = {
  own: 'With its own state',
  empty: 'With an empty state',
  other: 'With the state of the other text',
};

function Predictions({ found }: { readonly found: Transplant }) {
  return (
    <>
      <div class="states" aria-live="polite" role="group" aria-label="What comes next with each state">
        {found.predictions.map(({ state, klFromOwn, top }) => (
          <div key={state} data-state={state}>
            <h3>{NAMES[state]}</h3>
            <p class="soft">
              {state === 'own' ? 'What the text left' : `The prediction moves by ${klFromOwn.toFixed(3)} nats (KL)`}
            </p>
            <Ranked label={`Likeliest next tokens: ${NAMES[state]}`} words={top} />
          </div>
        ))}
      </div>
      <div class="exports">
        <button type="button" class="quiet" onClick={() => saveText(JSON.stringify(found, null, 1), 'states.json')}>
          JSON
        </button>
      </div>
    </>
  );
}

interface Asked {
  readonly show: string;
  readonly layer: number;
  readonly word: string;
  readonly against: string;
}

async function reportOf({ library, model }: Loaded, text: string, asked: Asked, signal: AbortSignal): Promise<Report> {
  switch (asked.show) {
    case 'attention':
      return effectiveAttentionReport(
        await library.effectiveAttention(model, text, { layers: [asked.layer], signal }),
        [],
      );
    case 'sources':
      return logitSourcesReport(
        await library.logitSources(model, text, { ...wordsWithin(asked.word, asked.against), signal }),
        [],
      );
    case 'norms':
      return normsReport(await library.stateNorms(model, text, { signal }), []);
    case 'spans':
      return spansReport(await library.memorySpans(model, text, { signal }), []);
    default:
      return stepsReport(await library.stepSizes(model, text, { signal }), []);
  }
}

const ABOUT: Readonly<Record<string, string>> = {
  steps: 'A large step Δ takes in much of a token and forgets much of what came before; a small one passes it over.',
  attention: 'The scan of a layer can be read as attention: how much of each earlier token it gives at a later one.',
  sources: 'How much each token of the text adds, through the states of all layers, to the logit of the next word.',
  norms: 'How large the state of each layer is after every token.',
  spans: 'After how many tokens half of what a channel held is left.',
};

/** Figures of what goes into the state and stays there. */
function Inside({ loaded, text }: PartProps) {
  const [wanted, setShow] = useSetting('inside', 'steps');
  const show = SHOWS.find(([one]) => one === wanted)?.[0] ?? 'steps';
  const last = loaded.seen.layers - 1;
  const [setting, setLayer] = useSetting('layer', String(last));
  const [word, setWord] = useSetting('word', 'he');
  const [against, setAgainst] = useSetting('against', 'she');
  const asked = { show, layer: Math.min(Number(setting) || 0, last), word, against };
  const used = show === 'attention' ? `${asked.layer}` : show === 'sources' ? JSON.stringify([word, against]) : '';
  const run = useRun((signal) => reportOf(loaded, text, asked, signal), [loaded, text, show, used]);
  return (
    <>
      <Tabs label="What to show" value={show} choices={SHOWS} onChange={setShow} />
      <p class="soft">{ABOUT[show]}</p>
      {show === 'attention' && (
        <Range
          label="Layer"
          value={asked.layer}
          {...{ least: 0, most: last, step: 1 }}
          onChange={(value) => setLayer(String(value))}
        />
      )}
      {show === 'sources' && (
        <div class="fields">
          <Word label="The word after the text" value={word} onChange={setWord} />
          <Word label="rather than (may be empty)" value={against} onChange={setAgainst} />
        </div>
      )}
      <Said run={run}>
        {(report) => (
          <div class="figures">
            <ReportView report={report} wanted={({ kind }) => kind !== 'table'} />
          </div>
        )}
      </Said>
    </>
  );
}
