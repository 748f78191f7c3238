/** Measures the matrix products of this library, in Node or in a page, on as many square matrices one after the other; as measure-chain.mjs. */
import { opsOf } from '../../dist/src/backends/eager.js';
import { createWasmBackend } from '../../dist/src/backends/wasm/index.js';
import { BLOCK_BYTES, byteSize, PANEL_ROWS } from '../../dist/src/base/tensor.js';
import { measure } from './measure.mjs';

export async function measureLayer(task, platform) {
  const { width, count } = task;
  const backend = await createWasmBackend({ platform, threads: task.threads });
  const ops = opsOf(backend);

  /** Codes around zero and scales, as src/quantised.ts lays them out, so that a product is about as large as what came in. */
  function panels(dtype) {
    const bytes = new Uint8Array(byteSize([width, width], dtype));
    const random = (most) => 1 + Math.floor(most * Math.random());
    const steps = dtype === 'q8' ? 127 : 15;
    const scale = new Uint16Array(Float32Array.of(Math.sqrt(12 / width) / steps).buffer)[1]; // bfloat16
    for (let at = 0; at < bytes.length; at += BLOCK_BYTES[dtype]) {
      new Uint16Array(bytes.buffer, at, PANEL_ROWS).fill(scale);
      for (let i = 2 * PANEL_ROWS; i < BLOCK_BYTES[dtype]; i++)
        bytes[at + i] = dtype === 'q8' ? random(127) : random(15) | (random(15) << 4);
    }
    const rows = Math.ceil(width / PANEL_ROWS);
    return { rows, columns: bytes.length / rows, dtype: 'u8', bytes };
  }

  function numbers() {
    const values = Float32Array.from({ length: width * width }, () => (Math.random() - 0.5) * Math.sqrt(12 / width));
    return { rows: width, columns: width, dtype: 'f32', bytes: new Uint8Array(values.buffer) };
  }

  const block = {
    row: 0,
    column: 0,
    transposed: false,
    ...(task.weights in BLOCK_BYTES ? panels(task.weights) : numbers()),
  };
  const matrices = Array.from({ length: count }, () => backend.allocate([width, width], task.weights));
  for (const matrix of matrices) await backend.fill(matrix, block);

  const product = (rows) => {
    let x = ops.upload(rows, [rows.length / width, width]);
    for (const matrix of matrices) x = ops.linear(x, matrix);
    return x;
  };
  let largest = 0;
  let replay; // of one token, as the engine decodes
  const times = await measure(
    { ...task, vocabulary: 1 },
    {
      begin() {},
      async read({ length }) {
        const rows = Float32Array.from({ length: length * width }, Math.random);
        let numbers = length === 1 ? await replay?.run([rows]) : await backend.step(() => backend.read(product(rows)));
        if (!numbers) ({ numbers, replay } = await backend.record(() => product(rows)));
        largest = Math.max(largest, Math.abs(numbers[0]));
      },
    },
  );
  if (!(largest > 0 && largest < 1e6)) throw new Error(`the products came to ${largest}, wanted a number near 1`);
  await backend.dispose();
  return times;
}
