/** A trainer for a configuration with token ids, without the command line: files are read, none are written. */
import type { Backend } from '../../src/backends/backend.ts';
import { eager } from '../../src/backends/eager.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { derive, fill } from '../../src/loader/fill.ts';
import { openModel } from '../../src/loader/open.ts';
import { Ops } from '../../src/ops/index.ts';
import { trainingConfig } from '../../src/training/config.ts';
import { examplesOf } from '../../src/training/examples.ts';
import { fullTrainable } from '../../src/training/full.ts';
import { matcher, parameterGroups } from '../../src/training/parameter-groups.ts';
import { lambdaAt } from '../../src/training/schedules/lambda.ts';
import { learningRate } from '../../src/training/schedules/learning-rate.ts';
import type { Trainable } from '../../src/training/trainable.ts';
import { Trainer } from '../../src/training/trainer.ts';
import { evenRun } from './runs.ts';

export interface Configured {
  readonly trainer: Trainer;
  readonly trainable: Trainable;
}

export async function configuredTrainer(written: object, backend: Backend): Promise<Configured> {
  const config = trainingConfig(written);
  const { batch, accumulate, steps = 0, optimizer, schedule, lambda, clip, zLoss, balance, recompute } = config;
  if (!('ids' in config.data) || config.model === undefined) throw new Error('wanted a model and data.ids');
  const { ids } = config.data;
  const opened = await openModel(localFolder(config.model), { weights: 'f32', roundsLinears: lambda !== undefined });
  const tracer = eager(backend);
  const ops = new Ops(tracer);
  await fill(opened.plan, backend, ops);
  await opened.checkpoint.close();
  const trainable = fullTrainable(opened.plan, backend, matcher(config.freeze));
  const { betas, eps } = optimizer;
  const { rounding } = opened;
  const trainer = new Trainer(
    {
      ...{ model: opened.model, backend, tracer, trainable },
      derive: () => derive(opened.plan, backend, ops),
      setLambda: rounding && ((value) => void Object.assign(rounding, { lambda: value })),
    },
    {
      optimizer: { groups: parameterGroups(trainable.tensors, optimizer), betas, eps },
      lrAt: learningRate(schedule, optimizer.lr, evenRun(steps)),
      lambdaAt: lambda && ((step) => lambdaAt(lambda, step)),
      examplesAt: async (step) =>
        Array.from({ length: accumulate }, (_, i) => {
          const first = (step * accumulate + i) * batch;
          return examplesOf(
            Array.from({ length: batch }, (_, n) => ({ ids: ids[(first + n) % ids.length] as readonly number[] })),
          );
        }),
      ...{ steps, clip, zLoss, balance, recompute },
    },
  );
  return { trainer, trainable };
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
