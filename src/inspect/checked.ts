/**
 * A tracer that looks for NaN and infinity in the outputs of every op. Backends compute asynchronously, and the memory of a step is freed
 * at its end, so after each op another one sets a mark in live memory; the marks are read at the end of the pass.
 */
import type { Backend } from '../backends/backend.ts';
import { NotFiniteError } from '../base/errors.ts';
import { rows, type Tensor } from '../base/tensor.ts';
import { Ops, type Tracer } from '../ops/index.ts';
import type { Watch } from '../runtime/watch.ts';
import { type Entry, PassLog } from './pass-log.ts';

/** Marks in one tensor; more tensors are allocated when needed. */
const MARKS = 1024;

export function checked(inner: Tracer, backend: Backend): { readonly tracer: Tracer; readonly watch: Watch } {
  const log = new PassLog<Entry>();
  const ops = new Ops(inner);
  const marks: Tensor[] = [];
  const check = (op: string, x: Tensor): void => {
    const n = log.entries.push({ op, site: undefined }) - 1;
    const [tensor, i] = [Math.floor(n / MARKS), n % MARKS];
    marks[tensor] ??= backend.allocate([MARKS], 'i32');
    ops.markNonFinite(rows(marks[tensor], i, i + 1), x);
  };
  const tracer: Tracer = {
    ...inner,
    apply(op, inputs, attrs) {
      const outputs = inner.apply(op, inputs, attrs);
      if (log.running && !op.view) for (const x of outputs) if (x.dtype === 'f32') check(op.name, x);
      return outputs;
    },
  };
  const complain = async (): Promise<void> => {
    for (const [tensor, x] of marks.entries()) {
      const i = (await backend.read(x)).indexOf(1);
      if (i >= 0) throw new NotFiniteError(log.entries[tensor * MARKS + i] as Entry);
    }
  };
  const clear = (): void => {
    for (const x of marks.splice(0)) backend.free(x);
  };
  const watch: Watch = {
    pass: (body) => log.pass(body, complain).finally(clear),
    reached: (site) => log.reached(site),
  };
  return { tracer, watch };
}
