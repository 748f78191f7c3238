/** Experts: which experts each token goes to, and what the model writes without some of them. */
import { expertLoad, type Intervention, routeReport, tokenExperts } from '../../../../src/web.ts';
import { Text } from '../../parts/fields.tsx';
import { ReportView } from '../../parts/figure.tsx';
import { useRun } from '../../parts/run.ts';
import { Said } from '../../parts/said.tsx';
import { Twins } from '../../parts/twin.tsx';
import { useSetting } from '../../place.ts';
import type { ViewProps } from '../view.ts';

/** As in `0.4,2.1`: layer and expert. */
const offOf = (text: string): readonly string[] => text.split(',').filter((one) => /^\d+\.\d+$/.test(one));

/** The experts that are switched off, as interventions. */
export function withoutExperts(off: readonly string[]): Intervention[] {
  return off.map((one) => {
    const [layer = 0, expert = 0] = one.split('.').map(Number);
    return { experts: [expert], layers: [layer], disable: true };
  });
}

export function ExpertsView({ loaded: { model } }: ViewProps) {
  const [text, setText] = useSetting('text', 'Once upon a time there was a');
  const [setting, setOff] = useSetting('off', '');
  const off = offOf(setting);
  const load = useRun((signal) => expertLoad(model, text, { signal }), [model, text]);
  const route = useRun((signal) => tokenExperts(model, text, { signal }), [model, text]);
  const toggle = (one: string) =>
    setOff((off.includes(one) ? off.filter((other) => other !== one) : [...off, one]).join(','));
  return (
    <div class="stack">
      <Text label="Text" value={text} onChange={setText} rows={1} />
      <Twins
        model={model}
        text={text}
        changed={off.length > 0 ? withoutExperts(off) : undefined}
        changeKey={setting}
        names={['With all experts', 'Without those switched off']}
      />
      <Said run={load}>
        {({ layers, experts, active }) => (
          <div class="panel stack">
            <div class="row">
              <h3>Share of the text's tokens that goes to each expert</h3>
              <button type="button" class="quiet" disabled={off.length === 0} onClick={() => setOff('')}>
                All on
              </button>
            </div>
            <p class="soft">
              Each token goes to {active} of {experts} experts in every layer. Choose an expert to switch it off: the
              router takes the next best.
            </p>
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
                        <td key={`${layer}.${expert}`}>
                          <button
                            type="button"
                            aria-pressed={off.includes(`${layer}.${expert}`)}
                            aria-label={`Layer ${layer}, expert ${expert}, ${(100 * share).toFixed(0)}% of the tokens, off`}
                            style={{ '--share': share }}
                            onClick={() => toggle(`${layer}.${expert}`)}
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
          </div>
        )}
      </Said>
      <Said run={route}>{(value) => <ReportView report={routeReport(value, [])} />}</Said>
    </div>
  );
}
