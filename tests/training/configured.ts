/** A trainer for a configuration with token ids, without the command line: files are read, none are written. */
import type { Backend } from '../../src/backends/backend.ts';
import { eager } from '../../src/backends/eager.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { prepareMemory } from '../../src/data/prepare.ts';
import { fill } from '../../src/loader/fill.ts';
import { openModel } from '../../src/loader/open.ts';
import { Ops } from '../../src/ops/index.ts';
import { trainingConfig } from '../../src/training/config.ts';
import { runData } from '../../src/training/run-data.ts';
import type { Trainable } from '../../src/training/trainable.ts';
import type { Trainer } from '../../src/training/trainer.ts';
import { openOptionsFor, trainerFor } from '../../src/training/trainer-for.ts';

export interface Configured {
  readonly trainer: Trainer;
  readonly trainable: Trainable;
}

export async function configuredTrainer(written: object, backend: Backend): Promise<Configured> {
  const config = trainingConfig(written);
  const opened = await openModel(localFolder(config.model as string), openOptionsFor(config));
  const tracer = eager(backend);
  await fill(opened.plan, backend, new Ops(tracer));
  await opened.checkpoint.close();
  const { vocabSize } = opened.model.facts;
  const data = await runData(config, (some) => prepareMemory(some, { seed: config.seed, vocabSize }));
  return trainerFor({ opened, backend, tracer }, config, data.rowsOf);
}

/** The gradients of the present step, by the names of the checkpoint, after `trainer.gradients()`. */
export async function gradientsOf({ trainer, trainable }: Configured): Promise<Map<string, Float32Array>> {
  const gradients = new Map<string, Float32Array>();
  for (const tensor of trainable.saved((weight) => trainer.optimizer.valueOf(weight, 'gradient'))) {
    const parts: Uint8Array[] = [];
    for await (const part of tensor.bytes()) parts.push(part.slice());
    gradients.set(tensor.name, new Float32Array(Uint8Array.from(Buffer.concat(parts)).buffer));
  }
  return gradients;
}
