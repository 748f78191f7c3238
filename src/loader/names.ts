/** From the names in the files of a checkpoint to those that a model asks for. */

import { CheckpointError, UsageError } from '../base/errors.ts';
import { globPattern } from '../base/glob.ts';
import { show } from '../base/tensor.ts';
import type { StoredTensor } from '../checkpoint/safetensors.ts';
import type { Family } from '../models/model.ts';

/** How many names a message lists. */
const SHOWN = 5;

/** What stands in front of, or between, the names of a model that was saved inside of a wrapper. */
const WRAPPERS: Readonly<Record<string, string>> = {
  _orig_mod: 'torch.compile',
  module: 'DataParallel or DeepSpeed',
  'base_model.model': 'peft',
  _fsdp_wrapped_module: 'FSDP',
  _checkpoint_wrapped_module: 'activation checkpointing',
  _forward_module: 'Lightning',
};

/** `a, b, c, … (12 in all)` */
export function listed(names: readonly string[]): string {
  const more = names.length > SHOWN ? `, … (${names.length} in all)` : '';
  return names.slice(0, SHOWN).join(', ') + more;
}

/** Stored tensors without those that the globs name. Throws UsageError on a glob that names none. */
export function withoutIgnored(
  stored: ReadonlyMap<string, StoredTensor>,
  globs: readonly string[] = [],
): ReadonlyMap<string, StoredTensor> {
  const kept = new Map(stored);
  for (const glob of globs) {
    const pattern = globPattern(glob);
    const names = [...stored.keys()].filter((name) => pattern.test(name));
    if (names.length === 0) {
      throw new UsageError(`there is no tensor '${glob}' to ignore; the checkpoint has ${listed([...stored.keys()])}.`);
    }
    for (const name of names) kept.delete(name);
  }
  return kept;
}

/** By the names that the model asks for; buffers that mean nothing are left out. Throws CheckpointError when two are one. */
export function renamed(family: Family, stored: Iterable<StoredTensor>): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  for (const tensor of stored) {
    const name = family.rename(tensor.name);
    if (name === undefined) continue;
    const twin = tensors.get(name);
    if (twin)
      throw new CheckpointError(`'${twin.name}' and '${tensor.name}' are two spellings of one tensor; keep one.`);
    tensors.set(name, tensor);
  }
  return tensors;
}

/** What is said when a tensor is not there: what the files have in its place. `absent`: tensors that only the index has -> file. */
export function missingTensor(
  family: Family,
  stored: readonly string[],
  absent: ReadonlyMap<string, string>,
): (name: string, shape: readonly number[]) => CheckpointError {
  return (name, shape) => {
    const wanted = `the checkpoint has no tensor '${name}' ${show(shape)}, which this model needs`;
    const [, file] = [...absent].find(([listed]) => family.rename(listed) === name) ?? [];
    if (file !== undefined)
      return new CheckpointError(`${wanted}: its index says that it is in ${file}, and that file has no such tensor.`);
    const alike = wrapped(family, stored, name);
    if (alike) return new CheckpointError(`${wanted}; ${alike}`);
    return new CheckpointError(`${wanted}; it has ${listed(stored)}. Does config.json belong to these files?`);
  };
}

/** A sentence on names that would be right without what a wrapper put into them. */
function wrapped(family: Family, stored: readonly string[], wanted: string): string | undefined {
  for (const name of stored) {
    const extra = extraPart(family, name, wanted);
    if (extra === undefined) continue;
    const maker = WRAPPERS[extra.replace(/\.$/, '')];
    return (
      `it has '${name}', which would be the same without '${extra}'${maker ? `, the mark of ${maker}` : ''}. ` +
      `Save the model itself, not its wrapper, or rename: in Python {name.replace('${extra}', ''): x for name, x in tensors.items()}.`
    );
  }
  return undefined;
}

/** What of a stored name must go so that it means the wanted tensor; what is known as a wrapper first. */
function extraPart(family: Family, stored: string, wanted: string): string | undefined {
  const known = Object.keys(WRAPPERS).map((wrapper) => `${wrapper}.`);
  const parts = stored.split('.');
  const fronts = parts.slice(1).map((_, i) => `${parts.slice(0, i + 1).join('.')}.`);
  const means = (rest: string) => family.rename(rest) === wanted;
  return (
    known.find((extra) => stored.startsWith(extra) && means(stored.slice(extra.length))) ??
    known.find((extra) => stored.includes(`.${extra}`) && means(stored.replaceAll(`.${extra}`, '.'))) ??
    fronts.find((extra) => means(stored.slice(extra.length)))
  );
}
