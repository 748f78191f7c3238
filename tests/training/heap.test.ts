/** The memory of a run as it is told beforehand is that of the WebAssembly memories when it has run, within a tenth. */
import { expect, it } from 'vitest';
import { fromPretrained, openPretrained, planOf, trainingConfig } from '../../src/node.ts';

it.each(['granite-tiny', 'mamba-tiny'])('%s', async (name) => {
  const memories: WebAssembly.Memory[] = [];
  const { Memory } = WebAssembly;
  WebAssembly.Memory = new Proxy(Memory, {
    construct(target, args: [WebAssembly.MemoryDescriptor]) {
      const memory = new target(...args);
      memories.push(memory);
      return memory;
    },
  });
  try {
    const ids = Array.from({ length: 8 }, (_, b) => Array.from({ length: 97 }, (_, i) => (b * 131 + i * 7) % 1000));
    const config = { data: { ids }, batch: 8, steps: 1, optimizer: { name: 'adamw', lr: 1e-3 } } as const;
    const opened = await openPretrained(name);
    const { memory } = planOf(trainingConfig({ model: name, ...config }), { model: opened.config });
    await opened.checkpoint.close();
    const model = await fromPretrained(name, { weights: 'f32', threads: 1 });
    const trainer = await model.trainer(config);
    await trainer.next();
    const bytes = memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
    expect(bytes / memory.total).toBeGreaterThan(0.95);
    expect(bytes / memory.total).toBeLessThan(1.1);
    trainer.dispose();
    await model.dispose();
  } finally {
    WebAssembly.Memory = Memory;
  }
});
