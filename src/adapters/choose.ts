/** Which linear maps get an adapter in training, by names of modules: whole ones, their ends as in PEFT, or globs. */
import { UsageError } from '../base/errors.ts';
import { globPattern } from '../base/glob.ts';
import { listed } from '../loader/names.ts';
import type { OpenedModel } from '../loader/open.ts';
import { isParameter, moduleOf, type Target, targetsOf } from './target.ts';

/**
 * `names`: such as `q_proj`, `layers.0.mlp.down_proj`, `*.mlp.*` or `experts.gate_up_proj`; default all linear maps but head, experts and routers.
 * Throws UsageError on a name without a linear map.
 */
export function chooseTargets(opened: Pick<OpenedModel, 'plan' | 'names'>, names?: readonly string[]): Target[] {
  const all = targetsOf(opened);
  if (!names) return all.filter(({ kind }) => kind === 'linear');
  const chosen = new Set<Target>();
  for (const name of names) {
    const found = all.filter((target) => isNamed(target, name));
    if (found.length === 0) {
      const known = [
        ...new Set(
          all.map((target) =>
            keyOf(target)
              .split('.')
              .slice(isParameter(target) ? -2 : -1)
              .join('.'),
          ),
        ),
      ];
      throw new UsageError(`no linear map is called '${name}'; this model has ${listed(known)}.`);
    }
    for (const target of found) chosen.add(target);
  }
  return all.filter((target) => chosen.has(target));
}

/** What PEFT's rules compare with names. */
const keyOf = (target: Target): string => (isParameter(target) ? target.parameter : moduleOf(target));

function isNamed(target: Target, name: string): boolean {
  return [keyOf(target), target.name.replace(/\.weight$/, '')].some((key) => fitsModule(key, name));
}

/** Does a name of the configuration mean the module of this whole name? */
export function fitsModule(key: string, name: string): boolean {
  if (name.includes('*')) return globPattern(name).test(key) || globPattern(`*.${name}`).test(key);
  return key === name || key.endsWith(`.${name}`);
}
