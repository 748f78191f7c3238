/**
 * Measures the training of a synthetic checkpoint, in a process of its own: seconds of the forward pass, of forward and backward together, and of
 * the optimiser's step, with the bare loop of f32 products by turns. Argument: the task, as JSON.
 */
import { fileURLToPath } from 'node:url';
import { eager } from '../../src/backends/eager.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { derive, fill } from '../../src/loader/fill.ts';
import { openModel } from '../../src/loader/open.ts';
import { describeBackend, enableEngineFeatures } from '../../src/node.ts';
import { Ops } from '../../src/ops/index.ts';
import { examplesOf } from '../../src/training/examples.ts';
import { fullTrainable } from '../../src/training/full.ts';
import { LoraTraining } from '../../src/training/lora.ts';
import { Trainer } from '../../src/training/trainer.ts';
import { peakLoop } from '../peak-loop.ts';
import { counted, type Products } from './products.ts';
import type { TrainShape } from './shapes.ts';

export interface TrainTask extends Omit<TrainShape, 'published'> {
  /** Of the checkpoint. */
  readonly folder: string;
  /** Of each row, one more than it has tokens. */
  readonly ids: readonly (readonly number[])[];
  readonly threads: number;
  /** Of each part, after those that are not counted. */
  readonly repeats: number;
}

/** Rounds in which memory and compilers become warm. */
const WARM_UP = 2;

/** What all sides tell; seconds of each repetition. */
export interface TrainTimes {
  readonly forward: readonly number[];
  readonly gradients: readonly number[];
  readonly update: readonly number[];
  /** Mean cross-entropy before anything was trained. */
  readonly firstLoss: number;
  readonly peakBytes: number;
  readonly version: string;
  readonly threads: number;
}

export interface OurTimes extends TrainTimes {
  /** Of products with weights, in a forward pass, and in forward and backward. */
  readonly products: { readonly forward: number; readonly gradients: number };
  /** Multiply-adds per second of the bare loop, after each repetition. */
  readonly peak: readonly number[];
}

export async function measureTraining(task: TrainTask): Promise<OurTimes> {
  const { folder, weights, threads, repeats, lora, ternary = false, ids } = task;
  const { kernels } = describeBackend();
  if (!kernels) throw new Error('this Node has no WebAssembly SIMD: take 20.19 or later.');
  const opened = await openModel(localFolder(folder), { weights, roundsLinears: ternary });
  const backend = await createWasmBackend({ platform: nodePlatform, threads });
  const plain = eager(backend);
  const ops = new Ops(plain);
  await fill(opened.plan, backend, ops);
  await opened.checkpoint.close();
  const products: Products = { count: 0 };
  const adapter = lora && (await LoraTraining.begin(opened, backend, lora, 1));
  const trainable = adapter ?? fullTrainable(opened.plan, backend);
  const parts = {
    ...{ model: opened.model, backend, tracer: counted(plain, products), trainable },
    ...(adapter ? { adapt: adapter.adapt } : {}),
    derive: () => derive(opened.plan, backend, ops),
    setLambda: opened.rounding && ((lambda: number) => void Object.assign(opened.rounding as object, { lambda })),
  };
  const examples = examplesOf(ids.map((row) => ({ ids: Uint32Array.from(row) })));
  const trainer = new Trainer(parts, {
    optimizer: {
      groups: [{ rate: 1, weightDecay: 0.1, parameters: trainable.tensors }],
      betas: [0.9, 0.95],
      eps: 1e-8,
    },
    lrAt: () => 1e-4,
    lambdaAt: ternary ? () => 1 : undefined,
    examplesAt: async () => [examples],
    steps: 1,
    clip: 1,
  });
  if (ternary) parts.setLambda?.(1); // the first pass comes before any step has set it
  const of = async (part: () => Promise<unknown>) => {
    products.count = 0;
    const begin = performance.now();
    await part();
    return { seconds: (performance.now() - begin) / 1000, products: products.count };
  };
  const times = { forward: [] as number[], gradients: [] as number[], update: [] as number[], peak: [] as number[] };
  const all = { forward: 0, gradients: 0 };
  let firstLoss: number | undefined;
  let peakBytes = 0;
  let peak: Awaited<ReturnType<typeof peakLoop>> | undefined;
  try {
    for (let round = -WARM_UP; round < repeats; round++) {
      const forward = await of(async () => {
        const loss = await trainer.evaluate([examples]);
        firstLoss ??= loss;
      });
      const gradients = await of(() => trainer.gradients());
      const update = await of(() => trainer.optimizer.update({ lr: 1e-4, scale: 1, step: round + WARM_UP + 1 }));
      if (round < 0) continue;
      if (!peak) {
        // Before the loop takes memory of its own.
        peakBytes = process.resourceUsage().maxRSS * 1024;
        peak = await peakLoop(kernels, 'f32', threads);
      }
      times.forward.push(forward.seconds);
      times.gradients.push(gradients.seconds);
      times.update.push(update.seconds);
      times.peak.push(await peak.multiplyAddsPerSecond());
      Object.assign(all, { forward: forward.products, gradients: gradients.products });
    }
  } finally {
    await peak?.dispose();
    trainer.dispose();
    await backend.dispose();
  }
  const version = `this library in Node ${process.versions.node} (${kernels})`;
  return { ...times, products: all, firstLoss: firstLoss as number, peakBytes, version, threads };
}

const [, script, task] = process.argv;
if (script === fileURLToPath(import.meta.url) && task !== undefined) {
  enableEngineFeatures(); // as the command line does
  process.stdout.write(`${JSON.stringify(await measureTraining(JSON.parse(task)))}\n`);
}
