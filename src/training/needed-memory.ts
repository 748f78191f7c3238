/** The memory that training an opened model takes, found before its weights are read. */
import { size, type Tensor } from '../base/tensor.ts';
import { declareModel } from '../loader/declare.ts';
import type { OpenedModel } from '../loader/open.ts';
import type { LanguageModel } from '../models/model.ts';
import type { TrainingConfig } from './config.ts';
import { passBytes, sensePassBytes, withGaps } from './memory.ts';
import { differentiated, mostSenses } from './plan/parameters.ts';
import type { Segment } from './segments.ts';
import { stagesFor } from './stages-for.ts';
import type { TrainedTensor } from './trainable.ts';
import { checkTraining } from './trainer-for.ts';

const F32 = 4;
const BF16 = 2;
const KEPT = 3; // of each trained number: its gradient and two moments

/**
 * Bytes of weights, gradients, moments, and the values of the pass that needs most, in one part of a run. Throws UsageError as checkTraining does.
 */
export function trainingBytes(opened: OpenedModel, config: TrainingConfig, segment: Segment): number {
  const { model, plan } = opened;
  const groups = checkTraining(opened, config, segment);
  const trained = groups.flatMap(({ parameters }) => parameters);
  const numbers = trained.reduce((sum, { shape }) => sum + size(shape), 0);
  const own = config.train === 'full' ? 0 : numbers; // beside the weights of the model
  const [passed, live] = passParts(opened, config, trained);
  const stages = stagesFor(config).filter(({ first }) => first >= segment.first && first < segment.end);
  const passes = stages.map(({ batch, sequence }) => {
    const pass = { lengths: Array.from({ length: batch }, () => sequence), recompute: config.recompute };
    const bytes =
      config.train === 'senses' ? sensePassBytes(model, mostSenses(config), pass) : passBytes(passed, live, pass);
    return withGaps(bytes, pass);
  });
  const copied = trained.filter(({ shape }) => shape.length > 1);
  const copies = config.compute === 'bf16' ? BF16 * copied.reduce((sum, { shape }) => sum + size(shape), 0) : 0;
  return plan.bytes + F32 * (own + KEPT * numbers) + copies + Math.max(...passes);
}

/** The model whose pass is measured, and the tensors through which its gradients go. */
function passParts(
  { model, config: json }: OpenedModel,
  config: TrainingConfig,
  trained: readonly TrainedTensor[],
): [LanguageModel, readonly Tensor[]] {
  if (config.train === 'full') return [model, trained.flatMap(({ weights }) => weights)];
  // Frozen weights may be packed, and have no gradients: those of an adapter are measured as if its matrices had them.
  const declared = declareModel({ ...json, quantization_config: undefined });
  return [declared.model, differentiated(config, declared.tensors)];
}
