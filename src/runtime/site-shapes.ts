/** Shapes of all sites of a model, found by running it on shapes without numbers, before any weight is read. */
import { PAGE_ROWS } from '../base/pages.ts';
import { NOWHERE, type Shape, type Tensor } from '../base/tensor.ts';
import type { InterventionTarget, TargetSite } from '../interventions/target.ts';
import type { Batch } from '../models/batch.ts';
import type { LanguageModel, Site, StateTensor } from '../models/model.ts';
import { LOGITS } from '../models/sites.ts';
import type { Taps } from '../models/tap.ts';
import { type KeysValues, Ops, type Recurrent, ShapeTracer } from '../ops/index.ts';

const shaped = (shape: Shape, dtype: Tensor['dtype'] = 'f32'): Tensor => ({ shape, dtype, place: NOWHERE, offset: 0 });

/** A batch of one token of a new sequence. */
class OneToken implements Batch {
  readonly length = 1;

  feed(ops: Ops, make: Parameters<Batch['feed']>[1], shape: Shape): Tensor {
    return ops.upload(make({ ids: new Int32Array(1), positions: new Int32Array(1) }), shape);
  }

  remember(_: Ops, __: StateTensor, x: Tensor): Tensor {
    return shaped([PAGE_ROWS, ...x.shape.slice(1)]);
  }

  rememberById(ops: Ops, to: StateTensor, compute: (ids: Tensor) => Tensor): Tensor {
    return this.remember(ops, to, compute(shaped([1], 'i32')));
  }

  keysValues(_: Ops, k: Tensor, v: Tensor): KeysValues {
    return { k, v, tables: shaped([1, 1], 'i32'), lengths: shaped([1], 'i32'), starts: [0, 1], reaches: [1] };
  }

  rememberKeysValues(ops: Ops, __: unknown, k: Tensor, v: Tensor): KeysValues {
    return this.keysValues(ops, this.remember(ops, undefined as never, k), this.remember(ops, undefined as never, v));
  }

  recurrent(_: Ops, { shape }: StateTensor): Recurrent {
    return { pool: shaped([1, ...shape]), slots: shaped([1], 'i32'), starts: [0, 1] };
  }

  showRecurrent(_: Ops, { pool }: Recurrent, see: Parameters<Batch['showRecurrent']>[2]): void {
    see?.[0]?.(shaped(pool.shape.slice(1)));
  }
}

const targets = new WeakMap<LanguageModel, InterventionTarget>();

/** The sites, shapes and counts against which interventions on this model are checked. */
export function targetOf(model: LanguageModel): InterventionTarget {
  const known = targets.get(model);
  if (known) return known;
  const target = { sites: siteShapes(model), state: model.stateLayout, facts: model.facts };
  targets.set(model, target);
  return target;
}

/** Every site of a model with the shape of its value in a pass of one token. */
export function siteShapes(model: LanguageModel): Map<string, TargetSite> {
  const found = new Map<string, TargetSite>();
  const see = (site: Site, x: Tensor): Tensor => {
    found.set(site.name, { ...site, shape: x.shape, integer: x.dtype !== 'f32' });
    return x;
  };
  const show: Taps = Object.assign(see, {
    each: (site: Site) => [(x: Tensor) => see(site, x)],
    sees: () => true,
    gains: () => undefined,
  });
  const ops = new Ops(new ShapeTracer());
  const hidden = model.forward({ ops, batch: new OneToken(), show });
  see(LOGITS, model.logits(ops, hidden));
  return found;
}
