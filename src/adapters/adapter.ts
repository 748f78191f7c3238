/** An adapter in memory, for one model: chosen per call, beside others, without changing the model's weights. */
import type { Backend } from '../backends/backend.ts';
import { UsageError } from '../base/errors.ts';
import type { TraceList } from '../interventions/provenance.ts';
import type { OpenedModel } from '../loader/open.ts';
import { Ops, type Tracer } from '../ops/index.ts';
import { adapted, type Changes } from './adapted.ts';
import { adapterTraces, beginDigest } from './digest.ts';
import type { AdapterFile } from './file.ts';
import { LiveTensors, readChanges } from './live.ts';
import { moduleOf } from './target.ts';

/** What an adapter of a model needs. */
export interface AdapterHost {
  readonly opened: OpenedModel;
  readonly backend: Backend;
  /** The tracer of the model's own ops. */
  readonly tracer: Tracer;
  /** Runs something between the steps of the engine. */
  readonly turn: <T>(body: () => Promise<T>) => Promise<T>;
}

export class Adapter {
  /** As it was given: the name of its folder. */
  readonly name: string;
  /** The modules that it changes. */
  readonly modules: readonly string[];
  /** Bytes of its matrices in memory. */
  readonly bytes: number;
  readonly #host: AdapterHost;
  readonly #memory: LiveTensors;
  readonly #ops: Ops;
  readonly #key: string;
  #disposed = false;

  private constructor(host: AdapterHost, name: string, found: Changes, memory: LiveTensors, key: string) {
    this.name = name;
    const { changes, replaced } = found;
    this.modules = [...changes, ...replaced].map(({ target }) => moduleOf(target));
    const tensors = [...changes.flatMap(({ a, b }) => [a, b]), ...replaced.map(({ weight }) => weight)];
    this.bytes = tensors.reduce((sum, { shape }) => sum + 4 * shape.reduce((all, n) => all * n, 1), 0);
    this.#host = host;
    this.#memory = memory;
    this.#ops = new Ops(adapted(host.tracer, found));
    this.#key = key;
  }

  /** Reads the numbers of an opened adapter. Throws RangeError when there is no memory left. */
  static async load(file: AdapterFile, host: AdapterHost): Promise<Adapter> {
    const memory = new LiveTensors(host.backend);
    const { see, key } = beginDigest(file);
    return host.turn(async () => {
      try {
        const changes = await readChanges(file, host.opened.plan, memory, see);
        return new Adapter(host, file.name, changes, memory, key());
      } catch (error) {
        memory.free();
        throw error;
      }
    });
  }

  /** The model's ops with the changes of this adapter. Throws UsageError when it was disposed. */
  get ops(): Ops {
    this.checkUsable();
    return this.#ops;
  }

  /** Throws UsageError when it was disposed, or belongs to another model. */
  checkUsable(backend: Backend = this.#host.backend): void {
    if (this.#disposed) throw new UsageError(`the adapter ${this.name} was disposed; load it again.`);
    if (backend !== this.#host.backend) throw new UsageError(`the adapter ${this.name} belongs to another model.`);
  }

  /** Equal for adapters with the same numbers. */
  traces(from: number, to: number): TraceList {
    return adapterTraces(this.#key).traces(from, to);
  }

  /** Frees its memory, after the steps that use it now. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await this.#host.turn(async () => this.#memory.free());
  }
}
