/** Maps the tensor names in the files of a checkpoint to the names that a model uses. */

import { CheckpointError, UsageError } from '../base/errors.ts';
import { globPattern } from '../base/glob.ts';
import { show } from '../base/tensor.ts';
import type { StoredTensor } from '../checkpoint/safetensors.ts';
import type { Family } from '../models/model.ts';

/** Number of names that a message lists. */
const SHOWN = 5;

/** Prefixes and infixes that tools add to tensor names when a model is saved inside a wrapper. */
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

/** Stored tensors without those that match the globs. Throws UsageError on a glob without a match. */
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

/**
 * Stored tensors by the names that the model uses, without buffers that are not needed. Throws CheckpointError when two get the same name.
 */
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

/** The error for a missing tensor, with what the files have instead. `absent`: tensors that only the index lists -> file. */
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

/** Text on names that would be right without the prefix or infix of a wrapper. */
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

/** The part that must be removed from a stored name to get the wanted one; known wrappers first. */
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
