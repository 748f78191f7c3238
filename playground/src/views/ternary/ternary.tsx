/** Ternary: weights of -1, 0 and 1 as pictures, what the rounding of activations loses, and how far the weights are from their originals. */
import { useRef, useState } from 'preact/hooks';
import { activationsReport, type Folder, type TernaryMatrixShares, ternaryReport } from '../../../../src/web.ts';
import { chosen } from '../../models.ts';
import { Choice, Text } from '../../parts/fields.tsx';
import { ReportView } from '../../parts/figure.tsx';
import { useRun } from '../../parts/run.ts';
import { Said } from '../../parts/said.tsx';
import { Tabs } from '../../parts/tabs.tsx';
import { useSetting } from '../../place.ts';
import type { ViewProps } from '../view.ts';
import { MOST_DOTS, Picture } from './picture.tsx';
import './ternary.css';

const SHOWS = [
  ['weights', 'All matrices'],
  ['activations', 'Rounding of activations'],
  ['original', 'Against the unquantised'],
] as const;

export function TernaryView({ loaded }: ViewProps) {
  const { from, library } = loaded;
  const [wanted, setName] = useSetting('matrix', '');
  const [show, setShow] = useSetting('ternary', 'weights');
  const weights = useRun((signal) => library.sharesOf(from, { signal }), [loaded], 0);
  return (
    <Said run={weights}>
      {(found) => {
        const matrix = found.matrices.find(({ name }) => name === wanted) ?? found.matrices[0];
        return (
          <div class="stack ternary">
            {matrix && (
              <div class="panel columns halves">
                <Picture loaded={loaded} name={matrix.name} />
                <div class="column">
                  <Choice
                    label="Matrix"
                    value={matrix.name}
                    choices={found.matrices.map(({ name }) => [name, name] as const)}
                    onChange={setName}
                  />
                  <Facts matrix={matrix} />
                </div>
              </div>
            )}
            <Tabs label="What to show" value={show} choices={SHOWS} onChange={setShow} />
            {show === 'activations' ? (
              <Activations loaded={loaded} />
            ) : show === 'original' ? (
              <Original loaded={loaded} />
            ) : (
              <div class="figures">
                <ReportView report={ternaryReport(found, undefined, [])} wanted={({ kind }) => kind !== 'table'} />
              </div>
            )}
          </div>
        );
      }}
    </Said>
  );
}

const inPercent = (share: number): string => `${(100 * share).toFixed(1)}%`;

function Facts({ matrix }: { readonly matrix: TernaryMatrixShares }) {
  const { rows, columns, weights, minus, zero, plus, entropy, bits, scale } = matrix;
  return (
    <>
      <p>
        Each dot is a weight. It takes away, passes over or adds a number of the input; then one scale for the whole
        matrix follows. No weight is ever multiplied.
        {Math.max(rows, columns) > MOST_DOTS && ` The first ${MOST_DOTS} rows and columns are drawn.`}
      </p>
      <dl>
        <dt>Size</dt>
        <dd>
          {rows} × {columns}, {weights.toLocaleString('en')} weights
        </dd>
        <dt>−1, 0, 1</dt>
        <dd>
          {inPercent(minus)}, {inPercent(zero)}, {inPercent(plus)}
        </dd>
        <dt>Scale</dt>
        <dd>{scale.toPrecision(4)}</dd>
        <dt>Information</dt>
        <dd>{entropy.toFixed(3)} bits per weight, of log₂ 3 = 1.585 at most</dd>
        <dt>Stored</dt>
        <dd>{bits.toPrecision(3)} bits per weight</dd>
      </dl>
    </>
  );
}

function Activations({ loaded: { library, model } }: ViewProps) {
  const [text, setText] = useSetting('text', 'Once upon a time there was a little girl.');
  const errors = useRun((signal) => library.activationErrors(model, text, { signal }), [model, text]);
  return (
    <>
      <p class="soft">
        What goes into a ternary matrix is rounded to 8 bits, by the largest number of each token. One large channel
        leaves few steps for all others.
      </p>
      <Text label="Text" value={text} onChange={setText} rows={1} />
      <Said run={errors}>
        {(value) => (
          <div class="figures">
            <ReportView report={activationsReport(value, [])} wanted={({ kind }) => kind !== 'table'} />
          </div>
        )}
      </Said>
    </>
  );
}

/** The model that the ternary one was made from stays on the visitor's device, so it is chosen as a folder. */
function Original({ loaded: { from, library } }: ViewProps) {
  const [folder, setFolder] = useState<Folder | undefined>(undefined);
  const [error, setError] = useState<Error | undefined>(undefined);
  const input = useRef<HTMLInputElement>(null);
  const run = useRun(
    folder ? async (signal) => ternaryReport(...(await library.distanceOf(from, folder, { signal })), []) : undefined,
    [from, folder],
    0,
  );
  const choose = (files: FileList | null) => {
    setError(undefined);
    try {
      setFolder(chosen([...(files ?? [])]).from as Folder);
    } catch (problem) {
      setError(problem as Error);
    }
  };
  return (
    <>
      <p class="soft">
        How far is each matrix from the one that it was made from, and from plain rounding of that? Choose the files of
        the unquantised model: config.json and weights. They stay on this device.
      </p>
      <label class="row">
        Files of the original{' '}
        <input ref={input} type="file" multiple onChange={() => choose(input.current?.files ?? null)} />
      </label>
      {error && (
        <p role="alert" class="error">
          {error.message}
        </p>
      )}
      {folder && (
        <Said run={run}>
          {(report) => <ReportView report={report} wanted={({ title }) => /original/.test(title)} />}
        </Said>
      )}
    </>
  );
}
