/** Senses: which sense of which word makes a prediction, and what happens when it counts for more or less. */
import { useState } from 'preact/hooks';
import { signed } from '../../../../src/figures/numbers.ts';
import { type Decomposition, decompositionReport, type Lookup, tokenLabel } from '../../../../src/web.ts';
import { Range, Text, Word } from '../../parts/fields.tsx';
import { ReportView } from '../../parts/figure.tsx';
import { useRun } from '../../parts/run.ts';
import { Said } from '../../parts/said.tsx';
import { saveText } from '../../parts/save.ts';
import { Twins } from '../../parts/twin.tsx';
import { set, useSetting } from '../../place.ts';
import type { Scaled } from '../../worker/sense-changes.ts';
import type { ViewProps } from '../view.ts';
import { fileOf, scaledOf, scaledText, withScale } from './changes.ts';

const EXAMPLES = [
  {
    name: 'Who is angry?',
    about: 'Sense 3 of “mother” stands for what is female. Take it away.',
    settings: { text: 'His mother was so angry that', word: 'she', against: 'he', edit: undefined },
    take: ['mother', 3, 0] as const,
  },
  {
    name: 'The king calls his wife',
    about: 'What “king” has to do with “son” goes to “wife”.',
    settings: { text: 'The king called his', word: 'wife', against: 'son', edit: 'king,son,wife' },
    take: undefined,
  },
];

export function SensesView({ loaded: { library, model } }: ViewProps) {
  const [text, setText] = useSetting('text', 'His mother was so angry that');
  const [word, setWord] = useSetting('word', 'she');
  const [against, setAgainst] = useSetting('against', 'he');
  const [changes, setChanges] = useSetting('senses', '');
  const [edit] = useSetting('edit', '');
  const [at, setAt] = useState<number | undefined>(undefined);
  const scaled = scaledOf(changes);
  const found = useRun(
    word ? (signal) => model.senses.decompose(text, { word, ...(against ? { against } : {}), signal }) : undefined,
    [model, text, word, against],
  );
  const changed = useRun(() => library.changesOf(model, scaled, edit), [model, changes, edit], 60);
  const key = `${changes} ${edit}`;
  const change = (one: Scaled) => setChanges(scaledText(withScale(scaled, one)));
  return (
    <div class="stack">
      <div class="row">
        {EXAMPLES.map(({ name, about, settings, take }) => (
          <button
            key={name}
            type="button"
            title={about}
            onClick={async () => {
              const [id] = take ? await model.senses.tokensOf(take[0]) : [];
              const senses =
                take && id !== undefined ? scaledText([{ id, sense: take[1], scale: take[2] }]) : undefined;
              setAt(undefined);
              set({ ...settings, senses });
            }}
          >
            {name}
          </button>
        ))}
        <button
          type="button"
          class="quiet"
          disabled={!changes && !edit}
          onClick={() => set({ senses: undefined, edit: undefined })}
        >
          Undo all changes
        </button>
        <button
          type="button"
          class="quiet"
          disabled={!changed.value}
          onClick={() => changed.value && saveText(fileOf(changed.value), 'interventions.json')}
        >
          Save as interventions
        </button>
      </div>
      <Text label="Text" value={text} onChange={setText} rows={1} />
      <Twins model={model} text={text} changed={changed.value} changeKey={changed.busy ? 'old' : key} />
      <div class="fields">
        <Word label="Why does it say" value={word} onChange={setWord} />
        <Word label="rather than (may be empty)" value={against} onChange={setAgainst} />
      </div>
      <Said run={found}>
        {(value) => (
          <>
            <Parts found={value} at={at ?? strongest(value)} onAt={setAt} names={[word, against]} />
            <SensesOf
              model={model}
              found={value}
              at={Math.min(at ?? strongest(value), value.ids.length - 1)}
              scaled={scaled}
              onChange={change}
            />
            <ReportView
              report={decompositionReport(value, against ? [word, against] : [word], [])}
              wanted={(figure) => figure.kind === 'heatmap'}
            />
          </>
        )}
      </Said>
    </div>
  );
}

const strongest = ({ byToken }: Decomposition): number =>
  byToken.reduce((most, part, i) => (Math.abs(part) > Math.abs(byToken[most] ?? 0) ? i : most), 0);

interface PartsProps {
  readonly found: Decomposition;
  readonly at: number;
  readonly onAt: (at: number) => void;
  readonly names: readonly [string, string];
}

/** The text, each token with what it adds; together they are the logit. */
function Parts({ found: { pieces, byToken, sum, logit }, at, onAt, names: [word, against] }: PartsProps) {
  const most = Math.max(...byToken.map(Math.abs), 1e-9);
  return (
    <div class="panel stack" role="group" aria-label="What each token adds">
      <h3>
        What each token adds to <b>{word}</b>
        {against && (
          <>
            {' '}
            rather than <b>{against}</b>
          </>
        )}
      </h3>
      <div class="parts">
        {byToken.map((part, i) => (
          <button
            key={i}
            type="button"
            class="part"
            aria-pressed={i === at}
            style={{ '--share': Math.abs(part) / most, '--tone': part < 0 ? 'var(--warm)' : 'var(--blue)' }}
            onClick={() => onAt(i)}
          >
            {tokenLabel(pieces[i] ?? '')} <small>{signed(part).slice(0, 6)}</small>
          </button>
        ))}
      </div>
      <p class="soft">
        The parts sum to <b data-sum={sum}>{sum.toFixed(4)}</b>; the model computes{' '}
        <b data-logit={logit}>{logit.toFixed(4)}</b>. Choose a token to see its senses.
      </p>
    </div>
  );
}

interface SensesOfProps extends Pick<ViewProps['loaded'], 'model'> {
  readonly found: Decomposition;
  readonly at: number;
  readonly scaled: readonly Scaled[];
  readonly onChange: (one: Scaled) => void;
}

const SHOWN_WORDS = 6;

function SensesOf({ model, found, at, scaled, onChange }: SensesOfProps) {
  const id = found.ids[at] as number;
  const run = useRun((signal) => model.senses.lookup(id, { top: SHOWN_WORDS, signal }), [model, id], 0);
  const scaleOf = (sense: number) => scaled.find((one) => one.id === id && one.sense === sense)?.scale ?? 1;
  const words = (some: Lookup['senses'][number]['top']) => some.map(({ text }) => tokenLabel(text)).join('  ');
  return (
    <div class="panel" role="group" aria-label="Senses of a token">
      <h3>
        The senses of <b>{tokenLabel(found.pieces[at] ?? '')}</b>
      </h3>
      <Said run={run}>
        {(lookup) => (
          <div>
            {lookup.senses.map(({ sense, top }) => (
              <div class="sense" key={sense}>
                <p>
                  <b>{sense}</b> <span class="soft">adds {signed(found.parts[sense]?.[at] ?? 0)}, predicts</span>{' '}
                  {words(top)}
                </p>
                <Range
                  label={`Sense ${sense} counts`}
                  value={scaleOf(sense)}
                  {...{ least: 0, most: 4, step: 0.1 }}
                  shown={(value) => `× ${value.toFixed(1)}`}
                  onChange={(scale) => onChange({ id, sense, scale })}
                />
              </div>
            ))}
          </div>
        )}
      </Said>
    </div>
  );
}
