/** Train: the model learns a text of the visitor's, here, and can be used and kept. */
import { useState } from 'preact/hooks';
import { memoryFolder, trainingReport } from '../../../../src/web.ts';
import { megabytes, open } from '../../models.ts';
import { Choice, Range, Text, Word } from '../../parts/fields.tsx';
import { ReportView } from '../../parts/figure.tsx';
import { saveBlob } from '../../parts/save.ts';
import { hashOf, useNumber, useSetting } from '../../place.ts';
import type { ViewProps } from '../view.ts';
import { LIMERICKS } from './examples.ts';
import { lastRun, TrainingRun } from './run.ts';
import './train.css';

const RATES = ['0.0005', '0.001', '0.002', '0.004'].map((rate) => [rate, rate] as const);

/** Weights, gradients and both moments of the optimiser, f32. */
const TRAINED_BYTES = 16;

export function TrainView({ loaded }: ViewProps) {
  const run = lastRun.value?.loaded === loaded ? lastRun.value : undefined;
  const [text, setText] = useState(run?.choice.text ?? LIMERICKS);
  const [what, setWhat] = useSetting('train', 'full');
  const [steps, setSteps] = useNumber('steps', 24);
  const [rate, setRate] = useSetting('rate', '0.002');
  const [prompt, setPrompt] = useSetting('prompt', 'There was an Old Man on');
  const busy = run?.isBusy ?? false;
  const start = () => {
    lastRun.value?.stop();
    lastRun.value = new TrainingRun(loaded, {
      ...{ text, steps, prompt },
      what: what === 'lora' ? 'lora' : 'full',
      rate: Number(rate) || 0.002,
    });
  };
  const bytes = TRAINED_BYTES * loaded.seen.description.parameters;
  return (
    <div class="stack">
      <Text label="What it learns; an empty line begins a new piece" value={text} onChange={setText} rows={8} />
      <div class="fields">
        <Choice
          label="What changes"
          value={what}
          choices={[
            ['full', 'all weights'],
            ['lora', 'a small adapter (LoRA)'],
          ]}
          onChange={setWhat}
        />
        <Choice label="Learning rate" value={rate} choices={RATES} onChange={setRate} />
        <Range label="Steps" value={steps} {...{ least: 4, most: 200, step: 4 }} onChange={setSteps} />
      </div>
      <Word label="Go on with this text, before and after" value={prompt} onChange={setPrompt} />
      <div class="row">
        <button type="button" class="main" onClick={start} disabled={busy || text.trim() === ''}>
          Train
        </button>
        <button type="button" onClick={() => run?.stop()} disabled={!busy}>
          Stop
        </button>
        <button type="button" class="quiet" onClick={() => setText(LIMERICKS)} disabled={text === LIMERICKS}>
          Take the limericks
        </button>
        <span class="soft">
          {what === 'full' && `Takes ${megabytes(bytes)} while it trains. `}
          The text stays in this browser.
        </span>
      </div>
      {run && <Shown run={run} />}
    </div>
  );
}

const SAYS = {
  loading: 'A copy of the model is loaded',
  training: 'Training',
  stopped: 'Stopped',
  done: 'Trained',
  failed: '',
} as const;

function Shown({ run }: { readonly run: TrainingRun }) {
  const { steps, prompt } = run.choice;
  const [stage, step, history] = [run.stage.value, run.step.value, run.history.value];
  const report = trainingReport(history, []);
  return (
    <>
      <div class="progress">
        <p role="status">{SAYS[stage]}</p>
        <progress value={step} max={steps} aria-label={`${step} of ${steps} steps`} />
        <p>
          {step} of {steps} steps
        </p>
      </div>
      {run.error.value && (
        <p role="alert" class="error">
          {run.error.value.message}
        </p>
      )}
      {history.points.length > 0 && (
        <div class="figures first">
          <ReportView report={report} wanted={({ title }) => title === 'Loss'} />
        </div>
      )}
      {run.samples.value.length > 0 && (
        <div class="panel" role="group" aria-label="What the model writes">
          <h3>What it writes</h3>
          <dl class="samples">
            {run.samples.value.map(({ after, text }) => (
              <div key={after}>
                <dt>{after === 0 ? 'before' : `after ${after}`}</dt>
                <dd class="prose">
                  <span>{prompt}</span>
                  {text}
                </dd>
              </div>
            ))}
          </dl>
        </div>
      )}
      {run.files.value && <Result run={run} files={run.files.value} />}
      {!run.isBusy && history.points.length > 0 && (
        <details>
          <summary>Norm of the gradients, learning rate and speed</summary>
          <div class="figures">
            <ReportView report={report} wanted={({ title, kind }) => title !== 'Loss' && kind !== 'table'} />
          </div>
        </details>
      )}
    </>
  );
}

function Result({ run, files }: { readonly run: TrainingRun; readonly files: ReadonlyMap<string, Blob> }) {
  const isModel = run.choice.what === 'full';
  const { name } = run.loaded;
  const folder = `${name.split('/').at(-1)}-${isModel ? 'trained' : 'adapter'}`;
  const use = () => {
    location.hash = hashOf({ view: 'write', settings: { text: run.choice.prompt } });
    open({ name: folder, from: memoryFolder(files, folder) });
  };
  const quoted = JSON.stringify(run.choice.prompt);
  return (
    <div class="panel stack" role="group" aria-label="The result">
      <h3>{isModel ? 'The trained model' : 'The adapter'}</h3>
      <div class="row">
        {isModel && (
          <button type="button" class="main" onClick={use}>
            Use it in the other views
          </button>
        )}
        {[...files].map(([file, blob]) => (
          <button key={file} type="button" onClick={() => saveBlob(blob, file)}>
            {file} <span class="soft">{megabytes(blob.size)}</span>
          </button>
        ))}
      </div>
      <p class="soft">Put these files into one folder, and the command line reads it:</p>
      <pre>
        {isModel
          ? `npx portmanteau run ./${folder} ${quoted}`
          : `npx portmanteau run ${name} ${quoted} --adapter ./${folder}`}
      </pre>
    </div>
  );
}
