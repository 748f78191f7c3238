/** The plain tracer: shape rule, memory, kernel; for ops without a kernel in the backend, their composition. */
import { type Op, Ops, outputsOf, type Tracer } from '../ops/index.ts';
import type { Backend } from './backend.ts';

export function eager(backend: Backend): Tracer {
  const tracer: Tracer = {
    apply(op, inputs, attrs) {
      const specs = outputsOf(op, inputs, attrs);
      if (op.view) return [op.view(inputs, attrs)];
      if (op.compose && !backend.has(op.name)) return op.compose(ops, inputs, attrs);
      const outputs = specs.map(({ shape, dtype }) => backend.alloc(shape, dtype));
      backend.run(op as Op<never>, inputs, outputs, attrs);
      return outputs;
    },
    derived: ({ kept }) => kept,
    upload: (data, shape) => backend.upload(data, shape),
    release: (x) => backend.release(x),
    scope: (body) => backend.scope(body),
  };
  const ops = new Ops(tracer);
  return tracer;
}

/** The ops on a backend. */
export const opsOf = (backend: Backend): Ops => new Ops(eager(backend));
