/** A text that a model writes on: its tokens, what was before them, and what runs. */
import { signal } from '@preact/signals';
import type { Alternative } from '../../../../src/web.ts';
import type { Remote } from '../../../../src/worker/index.ts';
import type { Loaded } from '../../models.ts';
import type { Branches, Token, WriteOptions } from '../../worker/branches.ts';

export interface Written extends Token {
  /** Did the visitor give it, or the model? */
  readonly by: 'prompt' | 'model' | 'branch';
}

/** Between two pictures of a text that grows. */
const FRAME_MS = 16;

export class Writer {
  readonly tokens = signal<readonly Written[]>([]);
  readonly busy = signal(false);
  readonly error = signal<Error | undefined>(undefined);
  readonly ended = signal(false);
  readonly tokensPerSecond = signal<number | undefined>(undefined);
  readonly canUndo = signal(false);
  /** Of all states of the model. */
  readonly stateBytes = signal(0);
  readonly #branches: Promise<Remote<Branches>>;
  #before: (readonly Written[])[] = [];
  #running = new AbortController();
  #work: Promise<void> = Promise.resolve();

  constructor({ library, model }: Loaded) {
    this.#branches = new library.Branches(model);
    this.#branches.catch(() => {}); // told by what needs them
  }

  /** A new text: its tokens with their probabilities. */
  start(text: string): Promise<void> {
    return this.#run(async (signal) => {
      const tokens = await (await this.#branches).read(text, { signal });
      this.#keep();
      this.ended.value = false;
      this.tokens.value = tokens.map((token) => ({ ...token, by: 'prompt' }));
    });
  }

  /** Goes on. */
  continue(options: WriteOptions): Promise<void> {
    return this.#run(async (signal) => {
      this.#keep();
      await this.#generate(options, signal);
    });
  }

  /** Puts one of its alternatives in the place of a token, and goes on from there; what came before is not computed again. */
  branch(at: number, { id, text, logprob }: Alternative, options: WriteOptions): Promise<void> {
    return this.#run(async (signal) => {
      this.#keep();
      const { alternatives = [] } = this.tokens.value[at] ?? {};
      this.tokens.value = [...this.tokens.value.slice(0, at), { id, text, logprob, alternatives, by: 'branch' }];
      await this.#generate(options, signal);
    });
  }

  stop(): void {
    this.#running.abort();
  }

  undo(): void {
    const before = this.#before.pop();
    if (!before) return;
    this.stop();
    this.tokens.value = before;
    this.ended.value = false;
    this.canUndo.value = this.#before.length > 0;
  }

  async dispose(): Promise<void> {
    this.stop();
    await this.#work;
    await this.#branches.then((branches) => branches.dispose()).catch(() => {}); // its worker may have ended
  }

  #keep(): void {
    this.#before = [...this.#before.slice(-49), this.tokens.value];
    this.canUndo.value = this.tokens.value.length > 0;
  }

  /** One after another: what runs is stopped first. */
  #run(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#running.abort();
    const running = new AbortController();
    this.#running = running;
    this.#work = this.#work.then(async () => {
      if (running.signal.aborted) return;
      this.busy.value = true;
      this.error.value = undefined;
      try {
        await work(running.signal);
      } catch (error) {
        if (!running.signal.aborted) this.error.value = error as Error;
      } finally {
        this.busy.value = false;
      }
    });
    return this.#work;
  }

  async #generate(options: WriteOptions, signal: AbortSignal): Promise<void> {
    const branches = await this.#branches;
    const before = this.tokens.value;
    const written: Written[] = [];
    const began = performance.now();
    let [shown, shownAt] = [before, began];
    const show = () => {
      if (this.tokens.value !== shown) return; // undone meanwhile
      shown = [...before, ...written];
      shownAt = performance.now();
      this.tokens.value = shown;
      this.tokensPerSecond.value = (1000 * written.length) / (shownAt - began);
    };
    const ids = before.map(({ id }) => id);
    try {
      for await (const { token, hasEnded, stateBytes } of branches.write(ids, { ...options, signal })) {
        if (signal.aborted) break;
        if (token) written.push({ ...token, by: 'model' });
        if (hasEnded !== undefined) this.ended.value = hasEnded;
        this.stateBytes.value = stateBytes;
        if (performance.now() - shownAt > FRAME_MS) show();
      }
    } finally {
      if (written.length > 0) show();
    }
  }
}
