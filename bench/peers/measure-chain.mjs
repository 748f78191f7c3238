/** Measures a session of ONNX Runtime, in Node or in a page, on the graph of matmul-chain.mjs. */
import { measure } from './measure.mjs';

export async function measureChain(task, session, Tensor) {
  const { width, count } = task;
  let largest = 0;
  const times = await measure(
    { ...task, vocabulary: 1 },
    {
      begin() {},
      async read({ length }) {
        const x = new Tensor('float32', Float32Array.from({ length: length * width }, Math.random), [length, width]);
        const { [`x${count}`]: y } = await session.run({ x0: x });
        largest = Math.max(largest, Math.abs(y.data[0]));
      },
    },
  );
  if (!(largest > 0 && largest < 1e6)) throw new Error(`the products came to ${largest}, wanted a number near 1`);
  return times;
}
