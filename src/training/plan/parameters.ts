/** The parameters of a run: how many there are, how many are trained, and in which groups. */
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

/** Two matrices for each linear map that gets an adapter: [rank, in] and [out, rank]. */
function adaptersOf({ lora }: TrainingConfig, tensors: readonly DeclaredTensor[]): readonly NamedShape[] {
  const { rank = 8, targets = ['*'] } = lora ?? {};
  const maps = tensors.filter(({ kind }) => kind === 'matrix');
  const nameOf = ({ name }: DeclaredTensor) => name.replace(/\.weight$/, '');
  checkUsed('lora.targets', targets, maps.map(nameOf));
  const fits = matcher(targets);
  return maps
    .filter((map) => fits(nameOf(map)))
    .flatMap((map) => [
      { name: `${nameOf(map)}.lora_A.weight`, shape: [rank, map.fanIn] },
      { name: `${nameOf(map)}.lora_B.weight`, shape: [size(map.shape) / map.fanIn, rank] },
    ]);
}

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
