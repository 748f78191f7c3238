/** Experts: which experts each token goes to, and what the model writes without some of them. */
import { useState } from 'preact/hooks';
import { labelOf } from '../../../../src/figures/numbers.ts';
import { type ExpertLoad, expertAblationReport, routeReport, type TokenExperts } from '../../../../src/web.ts';
import { Text, Word } from '../../parts/fields.tsx';
import { ReportView } from '../../parts/figure.tsx';
import { useRun } from '../../parts/run.ts';
import { Said } from '../../parts/said.tsx';
import { Twins } from '../../parts/twin.tsx';
import { wordsWithin } from '../../parts/word-within.ts';
import { useSetting } from '../../place.ts';
import type { ViewProps } from '../view.ts';
import './experts.css';
import { type Expert, expertsOf, keyOf, OFF, textOf, toggled, withoutExperts } from './without.ts';

export function ExpertsView({ loaded }: ViewProps) {
  const { library, model } = loaded;
  const [text, setText] = useSetting('text', 'Once upon a time there was a');
  const [setting, setOff] = useSetting('off', OFF);
  const load = useRun((signal) => library.expertLoad(model, text, { signal }), [model, text]);
  const route = useRun((signal) => library.tokenExperts(model, text, { signal }), [model, text]);
  const has = ({ layer, expert }: Expert) =>
    load.value?.layers.some((one) => one.layer === layer && expert < one.counts.length);
  const off = expertsOf(setting).filter(has);
  return (
    <div class="stack experts">
      <Text label="Text" value={text} onChange={setText} rows={1} />
      <div class="figures">
        <Said run={load}>
          {(value) => (
            <Load
              load={value}
              route={route.value}
              off={off}
              onToggle={(one) => setOff(textOf(toggled(off, one)))}
              onAll={() => setOff('')}
            />
          )}
        </Said>
        <Said run={route}>
          {(value) =>
            value.tokens.length > 0 && (
              <ReportView report={routeReport(value, [])} wanted={({ kind }) => kind === 'heatmap'} />
            )
          }
        </Said>
      </div>
      <Twins
        model={model}
        text={text}
        changed={off.length > 0 ? withoutExperts(off) : undefined}
        changeKey={textOf(off)}
        names={['With all experts', `Without ${off.map(named).join(', ') || 'those switched off'}`]}
      />
      <EachInTurn loaded={loaded} text={text} />
    </div>
  );
}

const named = ({ layer, expert }: Expert): string => `expert ${expert} of layer ${layer}`;

interface LoadProps {
  readonly load: ExpertLoad;
  readonly route: TokenExperts | undefined;
  readonly off: readonly Expert[];
  readonly onToggle: (one: Expert) => void;
  readonly onAll: () => void;
}

/** Buttons that switch experts off, each with its share of the tokens. */
function Load({ load: { layers, experts, active }, route, off, onToggle, onAll }: LoadProps) {
  const [at, setAt] = useState<Expert | undefined>(undefined);
  const isOff = (one: Expert) => off.some((other) => keyOf(other) === keyOf(one));
  return (
    <div class="panel stack">
      <div>
        <h3>Share of the tokens that goes to each expert</h3>
        <p class="soft">
          Each token goes to {active} of {experts} experts in every layer. Press one to switch it off: its tokens then
          go to the next best.
        </p>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: so that the keyboard can scroll it */}
      <div class="scroll" tabIndex={0} role="group" aria-label="Experts of each layer">
        <table class="grid">
          <thead>
            <tr>
              <th scope="col">layer</th>
              {Array.from({ length: experts }, (_, expert) => (
                <th scope="col" key={expert}>
                  {expert}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {layers.map(({ layer, tokenShare }) => (
              <tr key={layer}>
                <th scope="row">{layer}</th>
                {tokenShare.map((share, expert) => (
                  <td key={keyOf({ layer, expert })}>
                    <button
                      type="button"
                      aria-pressed={isOff({ layer, expert })}
                      aria-label={`Layer ${layer}, expert ${expert}, ${(100 * share).toFixed(0)}% of the tokens, off`}
                      style={{ '--share': share }}
                      onClick={() => onToggle({ layer, expert })}
                      onFocus={() => setAt({ layer, expert })}
                      onMouseEnter={() => setAt({ layer, expert })}
                    >
                      {(100 * share).toFixed(0)}%
                    </button>
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Takes route={route} of={at ?? off.at(-1)} />
      <div class="row">
        <button type="button" disabled={off.length === 0} onClick={onAll}>
          Switch all on
        </button>
      </div>
    </div>
  );
}

/** The tokens that an expert is chosen for, with its gates. */
function Takes({ route, of }: { readonly route: TokenExperts | undefined; readonly of: Expert | undefined }) {
  const column = of && route ? route.layers.indexOf(of.layer) : -1;
  if (!of || !route || column < 0)
    return <p class="takes soft">Point at an expert to see the tokens that it is chosen for.</p>;
  const taken = route.tokens.flatMap((token) => {
    const chosen = token.chosen[column]?.find(({ expert }) => expert === of.expert);
    return chosen ? [{ token, gate: chosen.gate }] : [];
  });
  return (
    <p class="takes">
      <span class="soft">
        Layer {of.layer}, expert {of.expert} is chosen for
      </span>
      {taken.length === 0 && <span>none of these tokens.</span>}
      {taken.map(({ token, gate }) => (
        <span key={token.at}>
          <b>{labelOf(token)}</b> <span class="soft">{gate.toFixed(2)}</span>
        </span>
      ))}
    </p>
  );
}

/** What happens to one prediction without each expert: a pass for each, so only when it is asked for. */
function EachInTurn({ loaded, text }: ViewProps & { readonly text: string }) {
  const { library, model } = loaded;
  const [word, setWord] = useSetting('word', 'little');
  const [against, setAgainst] = useSetting('against', 'great');
  const [asked, setAsked] = useState(false);
  const [done, setDone] = useState(0);
  const found = useRun(
    asked
      ? async (signal) =>
          expertAblationReport(
            await library.ablateExperts(model, text, {
              ...wordsWithin(word, against),
              signal,
              onProgress: (one, all) => setDone(one / all),
            }),
            [],
          )
      : undefined,
    [model, text, word, against, asked],
  );
  return (
    <div class="panel stack">
      <div>
        <h3>Which experts speak for a word?</h3>
        <p class="soft">Each expert is switched off in turn: how much does the model's leaning to the word change?</p>
      </div>
      <div class="fields">
        <Word label="The word after the text" value={word} onChange={setWord} />
        <Word label="rather than (may be empty)" value={against} onChange={setAgainst} />
        <button type="button" class={asked ? '' : 'main'} onClick={() => setAsked(!asked)}>
          {!asked ? 'Switch each off in turn' : found.busy ? 'Stop' : 'Close'}
        </button>
      </div>
      {asked && found.busy && <progress value={done} max={1} aria-label="Experts that were switched off" />}
      {asked && (
        <Said run={found}>{(report) => <ReportView report={report} wanted={({ kind }) => kind === 'heatmap'} />}</Said>
      )}
    </div>
  );
}
