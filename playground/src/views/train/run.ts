/** A run of training. It goes on while other views are shown. */
import { signal } from '@preact/signals';
import { TrainingHistory } from '../../../../src/web.ts';
import { type Loaded, openModel } from '../../models.ts';
import { configurationOf, SAMPLE_TOKENS, type TrainingChoice } from './configuration.ts';

export interface Sample {
  /** Steps that were done. */
  readonly after: number;
  readonly text: string;
}

export type Stage = 'loading' | 'training' | 'stopped' | 'done' | 'failed';

/** Between two drawings of the curve. */
const DRAW_MS = 200;

export class TrainingRun {
  readonly loaded: Loaded;
  readonly choice: TrainingChoice;
  readonly stage = signal<Stage>('loading');
  readonly error = signal<Error | undefined>(undefined);
  readonly step = signal(0);
  readonly history = signal(new TrainingHistory());
  readonly samples = signal<readonly Sample[]>([]);
  /** The trained model, or the adapter. */
  readonly files = signal<ReadonlyMap<string, Blob> | undefined>(undefined);
  readonly #stopped = new AbortController();

  constructor(loaded: Loaded, choice: TrainingChoice) {
    this.loaded = loaded;
    this.choice = choice;
    this.#run().catch((error: Error) => {
      this.error.value = error;
      this.stage.value = 'failed';
    });
  }

  get isBusy(): boolean {
    return this.stage.value === 'loading' || this.stage.value === 'training';
  }

  /** Ends the run after its step; what was learned so far is the result. */
  stop(): void {
    this.#stopped.abort();
  }

  /** The model that is open stays as it is: another copy is trained, in the same worker. */
  async #run(): Promise<void> {
    const { library } = this.loaded;
    const { what, prompt } = this.choice;
    const weights = what === 'full' ? 'f32' : 'auto';
    const { model } = await openModel(library, this.loaded, { weights, signal: this.#stopped.signal });
    try {
      const before = await model.complete(prompt, { maxNewTokens: SAMPLE_TOKENS, temperature: 0 });
      this.samples.value = [{ after: 0, text: before.text }];
      const trainer = await model.trainer(configurationOf(this.choice));
      try {
        this.stage.value = 'training';
        const history = new TrainingHistory();
        let [drawnAt, stepAt] = [0, performance.now()];
        const draw = () => {
          drawnAt = performance.now();
          this.history.value = Object.assign(new TrainingHistory(), history);
        };
        try {
          for await (const line of trainer.run({ signal: this.#stopped.signal })) {
            const now = performance.now();
            history.add({ ...line, seconds: (now - stepAt) / 1000 });
            stepAt = now;
            this.step.value = line.step + 1;
            for (const { text } of line.samples ?? [])
              this.samples.value = [...this.samples.value, { after: line.step + 1, text }];
            if (now - drawnAt > DRAW_MS) draw();
          }
        } catch (error) {
          if (!this.#stopped.signal.aborted) throw error;
        } finally {
          draw();
        }
        if (this.step.value > 0)
          this.files.value = await (what === 'full' ? library.modelFiles(model) : library.adapterFiles(trainer));
        this.stage.value = this.#stopped.signal.aborted ? 'stopped' : 'done';
      } finally {
        await trainer.dispose();
      }
    } finally {
      await model.dispose();
    }
  }
}

/** The last run; of another model it is of no use. */
export const lastRun = signal<TrainingRun | undefined>(undefined);
