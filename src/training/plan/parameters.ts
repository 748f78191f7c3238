/** The parameters of a run: how many there are, how many are trained, and in which groups. */
import { fitsModule } from '../../adapters/choose.ts';
import { size, type Tensor } from '../../base/tensor.ts';
import type { DeclaredModel, DeclaredTensor } from '../../loader/declare.ts';
import type { TrainingConfig } from '../config.ts';
import { isBlockNorm } from '../inner-norm.ts';
import { checkUsed, matcher, type NamedShape, parameterGroups } from '../parameter-groups.ts';
import { CHANGES } from '../senses/changes.ts';
import { checkSenses } from '../senses/sites.ts';
import { sensesOf } from '../senses/trainer.ts';

export interface PlannedGroup {
  /** Factor of the learning rate. */
  readonly rate: number;
  readonly weightDecay: number;
  readonly tensors: number;
  readonly parameters: number;
  /** Names of some of the tensors. */
  readonly examples: readonly string[];
}

export interface PlannedParameters {
  /** Of the model. */
  readonly total: number;
  /** That the optimiser changes, adapters included. */
  readonly trained: number;
  readonly groups: readonly PlannedGroup[];
}

const EXAMPLES = 3;

const HEAD = 'lm_head.weight';

type Declared = Pick<DeclaredModel, 'tensors' | 'model'>;

/** Senses that the examples select at most; which ones the model decides. */
export const mostSenses = (config: TrainingConfig): number => sensesOf(config).examples.length * sensesOf(config).count;

export const parametersIn = (tensors: readonly { readonly shape: readonly number[] }[]): number =>
  tensors.reduce((sum, { shape }) => sum + size(shape), 0);

/** What is trained: tensors of the model, matrices of adapters, or vectors of senses. Throws UsageError for patterns that fit no tensor. */
export function trainedTensors(config: TrainingConfig, { tensors, model }: Declared): readonly NamedShape[] {
  if (config.train === 'senses') {
    checkSenses(model);
    return [{ name: CHANGES, shape: [mostSenses(config), model.facts.dModel] }];
  }
  const names = tensors.map(({ name }) => name);
  checkUsed('freeze', config.freeze, names);
  const isFrozen = matcher(config.freeze);
  const free = tensors.filter(({ name }) => !isFrozen(name) && !(config.innerNorm && isBlockNorm(name)));
  return config.train === 'lora' ? adaptersOf(config, free) : free;
}

/**
 * Two matrices for each linear map that gets an adapter, as PEFT stores them: [rank, in] and [out, rank], of X experts [rank X, in] and [out, rank X].
 * As adapters/choose.ts, which needs an opened model.
 */
function adaptersOf({ lora }: TrainingConfig, tensors: readonly DeclaredTensor[]): readonly NamedShape[] {
  const { rank = 8, targets } = lora ?? {};
  const maps = [...tensors.filter(isMap), ...sharedHead(tensors)];
  const namesOf = ({ name, parameterName = name, kind }: DeclaredTensor) => [
    ...[name, parameterName].map((one) => one.replace(/\.weight$/, '')),
    ...(kind === 'vector' ? [parameterName] : []), // PEFT names a router as a parameter
  ];
  const isNamed = (map: DeclaredTensor, target: string) => namesOf(map).some((key) => fitsModule(key, target));
  const unused = targets?.find((target) => !maps.some((map) => isNamed(map, target)));
  if (unused !== undefined) checkUsed('lora.targets', [unused], maps.flatMap(namesOf));
  const chosen = targets
    ? maps.filter((map) => targets.some((target) => isNamed(map, target)))
    : maps.filter(({ kind, name }) => kind === 'matrix' && name !== HEAD);
  return chosen.flatMap((map) => {
    const [name] = namesOf(map);
    const experts = map.kind === 'experts' ? (map.shape[0] as number) : 1;
    return [
      { name: `${name}.lora_A.weight`, shape: [rank * experts, map.fanIn] },
      { name: `${name}.lora_B.weight`, shape: [size(map.shape) / map.fanIn / experts, rank * experts] },
    ];
  });
}

/** The embedding as the head, where it is both. */
const sharedHead = (tensors: readonly DeclaredTensor[]): DeclaredTensor[] => {
  const table = tensors.find(({ kind }) => kind === 'table');
  return table && !tensors.some(({ name }) => name === HEAD)
    ? [{ ...table, name: HEAD, parameterName: undefined }]
    : [];
};

/** A router keeps its numbers as vectors do, but is stored as a matrix. */
const isMap = ({ kind, name, shape }: DeclaredTensor): boolean =>
  kind === 'matrix' || kind === 'experts' || (kind === 'vector' && shape.length === 2 && name.endsWith('.weight'));

/** The tensors of the model through which gradients are computed; for adapters the matrices that get one. */
export function differentiated(config: TrainingConfig, tensors: readonly DeclaredTensor[]): readonly Tensor[] {
  const isFrozen = matcher(config.freeze);
  const ofKind = tensors.filter(({ name, kind }) => !isFrozen(name) && (config.train !== 'lora' || kind === 'matrix'));
  return ofKind.flatMap(({ live }) => live);
}

export function planParameters(config: TrainingConfig, declared: Declared): PlannedParameters {
  const { tensors } = declared;
  const trained = trainedTensors(config, declared);
  const known = [...tensors, ...trained].map(({ name }) => name);
  const groups = parameterGroups(trained, config.optimizer, known).map(({ rate, weightDecay, parameters }) => ({
    rate,
    weightDecay,
    tensors: parameters.length,
    parameters: parametersIn(parameters),
    examples: parameters.slice(0, EXAMPLES).map(({ name }) => name),
  }));
  return { total: parametersIn(tensors), trained: parametersIn(trained), groups };
}
