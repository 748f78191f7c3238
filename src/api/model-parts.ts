/** The parts of a loaded model. */
import type { OpenedModel } from '../loader/open.ts';
import type { Tracer } from '../ops/index.ts';
import type { Engine } from '../runtime/engine.ts';

/** The parts of a model, for use inside of this library only; not exported by the entry points. */
export interface ModelParts {
  readonly opened: OpenedModel;
  readonly engine: Engine;
  /** What the engine's ops run through. */
  readonly tracer: Tracer;
}
