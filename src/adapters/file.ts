/** The files of an adapter, checked against a model before any memory is allocated: adapter_config.json and adapter_model.safetensors. */
import { CheckpointError } from '../base/errors.ts';
import { show } from '../base/tensor.ts';
import { readSafetensors, type StoredTensor } from '../checkpoint/safetensors.ts';
import type { Folder, Source } from '../checkpoint/source.ts';
import { ternary } from '../formats/ternary.ts';
import { SOURCE } from '../loader/fill.ts';
import { listed } from '../loader/names.ts';
import type { OpenedModel } from '../loader/open.ts';
import { type AdapterConfig, readAdapterConfig } from './config.ts';
import { names, rankOf, saves } from './match.ts';
import { isParameter, moduleOf, type Target, type TargetPart, targetsOf } from './target.ts';

export const WEIGHTS_FILE = 'adapter_model.safetensors';
/** PEFT's wrapper around the model. */
export const PREFIX = 'base_model.model.';
const OUTER = '.base_layer';

/** The stored change of one linear map. A: [r, J], of experts [X r, J]. B: [N, r], of experts [N, r X], the expert fastest. */
export interface StoredChange {
  readonly target: Target;
  readonly rank: number;
  readonly scale: number;
  readonly a: StoredTensor;
  readonly b: StoredTensor;
}

export interface StoredWeight {
  readonly target: Target;
  readonly weight: StoredTensor;
}

export interface AdapterFile {
  readonly name: string;
  readonly config: AdapterConfig;
  readonly changes: readonly StoredChange[];
  /** Weights that are replaced as a whole: `modules_to_save`, and those that PEFT stores beside an adapted head. */
  readonly replaced: readonly StoredWeight[];
  close(): Promise<void>;
}

/** Throws CheckpointError when something is damaged, not supported, or not of this model. */
export async function openAdapter(folder: Folder, opened: Pick<OpenedModel, 'plan' | 'names'>): Promise<AdapterFile> {
  const config = await readAdapterConfig(folder);
  const source = await openWeights(folder);
  try {
    const found = assign(await readSafetensors(source), config, opened);
    const changes = [...found.pairs].map(([target, pair]) => checked(target, pair, config));
    const replaced = [...found.replaced].map(([target, weight]) => checkedWeight(target, weight));
    return { name: folder.name, config, changes, replaced, close: () => source.close() };
  } catch (error) {
    await source.close();
    throw error;
  }
}

export async function openWeights(folder: Folder): Promise<Source> {
  const source = await folder.open(WEIGHTS_FILE);
  if (source) return source;
  const older = (await folder.list()).includes('adapter_model.bin');
  throw new CheckpointError(
    `${folder.name} has no ${WEIGHTS_FILE}${older ? ', only adapter_model.bin: save it once more with a newer PEFT' : ''}.`,
  );
}

interface Pair {
  A?: StoredTensor;
  B?: StoredTensor;
}

interface Found {
  readonly pairs: Map<Target, Pair>;
  readonly replaced: Map<Target, StoredTensor>;
}

/** The module of a name in the file, and which of its tensors it is: `base` the weight that A and B change, which PEFT stores for heads. */
function parse(name: string): { module: string; part: 'A' | 'B' | 'weight' | 'base'; depth: number } | undefined {
  const inner = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name;
  const [, path, part] = /^(.*?)\.lora_([AB])(?:\.default)?\.weight$/.exec(inner) ?? [];
  if (path !== undefined) {
    const module = path.replaceAll(OUTER, '');
    return { module, part: part as 'A' | 'B', depth: (path.length - module.length) / OUTER.length };
  }
  const [, saved] = /^(.*)\.weight$/.exec(inner) ?? [];
  if (saved === undefined || inner.includes('lora_')) return undefined;
  return saved.endsWith(OUTER)
    ? { module: saved.slice(0, -OUTER.length), part: 'base', depth: 0 }
    : { module: saved, part: 'weight', depth: 0 };
}

/** Finds the linear map of each stored tensor. */
function assign(
  stored: readonly StoredTensor[],
  config: AdapterConfig,
  opened: Pick<OpenedModel, 'plan' | 'names'>,
): Found {
  const targets = targetsOf(opened);
  const byName = new Map(targets.map((target) => [target.name, target]));
  const found: Found = { pairs: new Map(), replaced: new Map() };
  for (const tensor of stored) {
    const at = parse(tensor.name);
    if (!at)
      throw new CheckpointError(
        `'${tensor.name}' of ${tensor.file} is no part of a plain LoRA adapter on linear maps.`,
      );
    const own = byName.get(opened.names.fromStored(`${at.module}.weight`) ?? '');
    const target = own ?? parameterAt(targets, config, at.module, at.depth);
    if (!target) throw unknownModule(tensor, at.module, targets);
    if (at.part === 'weight') {
      if (!saves(config, target)) throw notNamed(tensor, 'modules_to_save');
      found.replaced.set(target, tensor);
      continue;
    }
    if ((target.kind === 'linear' || at.part === 'base') && !names(config, target))
      throw notNamed(tensor, 'target_modules');
    if (at.part === 'base') {
      found.replaced.set(target, tensor);
      continue;
    }
    const pair = found.pairs.get(target) ?? {};
    pair[at.part] = tensor;
    found.pairs.set(target, pair);
  }
  const absent = targets.find((target) => saves(config, target) && !found.replaced.has(target));
  if (absent)
    throw new CheckpointError(`modules_to_save names ${moduleOf(absent)}, but the file of the adapter lacks it.`);
  const missing = targets.find(
    (target) => names(config, target) && isListed(config, target) && !found.pairs.has(target),
  );
  if (missing)
    throw new CheckpointError(`the adapter names ${moduleOf(missing)}, but its file has no matrices for it.`);
  return found;
}

/** Of names that stand in a list, each must have its matrices; a pattern may name more than an adapter changes. */
const isListed = ({ target_modules: wanted }: AdapterConfig, target: Target): boolean =>
  isParameter(target) || typeof wanted !== 'string';

/**
 * PEFT wraps a module once for each of its parameters, in their order: the name of the last has no `base_layer`, that of the one before has
 * one, and so on.
 */
function parameterAt(
  targets: readonly Target[],
  config: AdapterConfig,
  module: string,
  depth: number,
): Target | undefined {
  const held = targets.filter((target) => isParameter(target) && sameModule(moduleOf(target), module));
  const named = held.filter((target) => names(config, target));
  return named.at(-1 - depth);
}

/** Checkpoints and adapters may differ in the names of the modules around the layers. */
const sameModule = (a: string, b: string) => a === b || a.endsWith(`.${b}`) || b.endsWith(`.${a}`);

const notNamed = ({ name, file }: StoredTensor, key: string) =>
  new CheckpointError(
    `'${name}' of ${file} is not named by ${key} in adapter_config.json: do the two files belong together?`,
  );

function unknownModule({ name, file }: StoredTensor, module: string, targets: readonly Target[]): CheckpointError {
  const leaf = module.split('.').at(-1);
  const known = [...new Set(targets.map((target) => moduleOf(target).split('.').at(-1) as string))];
  const hint = known.includes(leaf as string)
    ? `it has ${listed(targets.map(moduleOf).filter((one) => one.endsWith(`.${leaf}`)))}`
    : `its linear maps are called ${listed(known)}`;
  return new CheckpointError(
    `'${name}' of ${file} changes ${module}, which this model does not have as a linear map; ${hint}.`,
  );
}

function checked(target: Target, { A, B }: Pair, config: AdapterConfig): StoredChange {
  const { rank, scale } = rankOf(config, target);
  const count = target.experts ?? 1;
  const module = moduleOf(target);
  if (!A || !B) throw new CheckpointError(`the adapter has only one of the two matrices of ${module}.`);
  checkShape(A, [rank * count, target.dIn], `rank ${rank}`);
  checkShape(B, [target.dOut, rank * count], `rank ${rank}`);
  return { target, rank, scale, a: A, b: B };
}

function checkedWeight(target: Target, weight: StoredTensor): StoredWeight {
  const [{ weight: live }] = target.parts as [TargetPart];
  if (target.parts.length > 1 || target.experts !== undefined || live.dtype === ternary)
    throw new CheckpointError(`modules_to_save names ${moduleOf(target)}, which cannot be replaced as a whole here.`);
  checkShape(weight, [target.dOut, target.dIn], 'the weight');
  return { target, weight };
}

function checkShape({ name, shape, dtype, file }: StoredTensor, wanted: readonly number[], why: string): void {
  if (show(shape) !== show(wanted))
    throw new CheckpointError(
      `'${name}' of ${file} is ${show(shape)}, wanted ${show(wanted)} for ${why} and this model.`,
    );
  const source = SOURCE[dtype];
  if (!source || !['f32', 'f16', 'bf16', 'f64'].includes(source))
    throw new CheckpointError(`'${name}' of ${file} is stored as ${dtype}, wanted F32, F16 or BF16.`);
}
