/** The plainest `apply`: shape rule, memory, kernel. */
import { type Apply, type Op, Ops } from '../ops/index.ts';
import type { Backend } from './backend.ts';

export function eager(backend: Backend): Apply {
  return (op, inputs, attrs) => {
    const outputs = op.outputs(inputs, attrs).map(({ shape, dtype }) => backend.alloc(shape, dtype));
    backend.run(op as Op<never>, inputs, outputs, attrs);
    return outputs;
  };
}

/** The vocabulary on a backend, undecorated. */
export function opsOf(backend: Backend, apply: Apply = eager(backend)): Ops {
  return new Ops(apply, backend);
}
