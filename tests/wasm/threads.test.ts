/** Computing threads and the memory that the main thread gives and takes. */
import { expect, it } from 'vitest';
import { opsOf } from '../../src/backends/eager.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import type { Thread } from '../../src/backends/wasm/platform.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';

it('write to memory that has just grown', async () => {
  for (let round = 0; round < 6; round++) {
    const backend = await createWasmBackend({ platform: nodePlatform, threads: 3 });
    const ops = opsOf(backend);
    for (let i = 1; i <= 50; i++) {
      const target = backend.allocate([30_000 * i], 'f32');
      await backend.step(async () => ops.assign(target, ops.zeros([30_000 * i]))); // a fill, then a copy
    }
    await backend.dispose();
  }
});

it('end when the backend is disposed, and the backend says so', async () => {
  const backend = await createWasmBackend({ platform: nodePlatform, threads: 2 });
  const ops = opsOf(backend);
  await backend.step(async () => void ops.zeros([10]));
  await backend.dispose();
  await backend.dispose();
  await expect(backend.step(async () => void ops.zeros([10]))).rejects.toThrow(/disposed/);
});

it('are ended when they have left their loops, also those that sleep, and those amid work', async () => {
  const events: string[] = [];
  const startThread = (): Thread => {
    const thread = nodePlatform.startThread();
    return {
      ...thread,
      onMessage: (handle) =>
        thread.onMessage((message) => {
          events.push(message.kind);
          handle(message);
        }),
      end: () => {
        events.push('end');
        return thread.end();
      },
    };
  };
  for (const commands of [0, 1000]) {
    events.length = 0;
    const backend = await createWasmBackend({ platform: { ...nodePlatform, startThread }, threads: 2 });
    const ops = opsOf(backend);
    await backend.step(async () => void (await backend.read(ops.zeros([10]))));
    const unfinished = backend.step(async () => {
      let x = ops.zeros([20_000]);
      for (let i = 0; i < commands; i++) x = ops.add(x, x);
    });
    await backend.dispose();
    await unfinished.catch(() => {}); // whether it ended before
    expect(events.filter((kind) => kind === 'left')).toHaveLength(2);
    expect(events.slice(-2)).toEqual(['end', 'end']);
  }
});

it('take more commands in a step than their ring holds', async () => {
  const backend = await createWasmBackend({ platform: nodePlatform, threads: 2 });
  const ops = opsOf(backend);
  const sum = await backend.step(async () => {
    const one = ops.upload(Float32Array.of(1), [1]);
    let x = ops.zeros([1]);
    for (let i = 0; i < 10_000; i++) x = ops.add(x, one);
    return backend.read(x);
  });
  expect([...sum]).toEqual([10_000]);
  await backend.dispose();
});
