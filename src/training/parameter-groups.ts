/** Divides parameters into groups that the optimiser treats alike, by the rules of a configuration. */
import { UsageError } from '../base/errors.ts';
import { globPattern } from '../base/glob.ts';
import { nearest } from '../base/nearest.ts';
import type { Shape } from '../base/tensor.ts';
import type { Optimizer } from './optimizer.ts';

export interface NamedShape {
  /** As in the checkpoint. */
  readonly name: string;
  readonly shape: Shape;
}

export interface ParameterGroup<P extends NamedShape = NamedShape> {
  /** Factor of the learning rate. */
  readonly rate: number;
  readonly weightDecay: number;
  readonly parameters: readonly P[];
}

export type GroupingOptions = Pick<Optimizer, 'weightDecay' | 'decay' | 'groups'>;

/** Does a name fit one of these patterns? */
export function matcher(globs: readonly string[]): (name: string) => boolean {
  const patterns = globs.map(globPattern);
  return (name) => patterns.some((pattern) => pattern.test(name));
}

/**
 * Groups in the order of their first parameters; every parameter is in exactly one. Throws UsageError when a pattern of the rules fits no
 * name in `known`, which are all tensors of the model: a rule that does nothing is most often misspelt.
 */
export function parameterGroups<P extends NamedShape>(
  parameters: readonly P[],
  { weightDecay, decay, groups }: GroupingOptions,
  known: readonly string[] = parameters.map(({ name }) => name),
): ParameterGroup<P>[] {
  const rules = groups.map((group) => ({ ...group, fits: matcher(group.tensors) }));
  for (const { tensors } of groups) checkUsed('optimizer.groups', tensors, known);
  const decays = decayTest(decay, known);
  const made = new Map<string, { rate: number; weightDecay: number; parameters: P[] }>();
  for (const parameter of parameters) {
    const rule = rules.find(({ fits }) => fits(parameter.name));
    const rate = rule?.rate ?? 1;
    const own = rule?.weightDecay ?? (decays(parameter) ? weightDecay : 0);
    const key = `${rate} ${own}`;
    const group = made.get(key) ?? { rate, weightDecay: own, parameters: [] };
    made.set(key, group);
    group.parameters.push(parameter);
  }
  return [...made.values()];
}

function decayTest(decay: Optimizer['decay'], known: readonly string[]): (parameter: NamedShape) => boolean {
  if (decay === 'all') return () => true;
  if (decay === 'matrices') return ({ shape }) => shape.length >= 2;
  checkUsed('optimizer.decay', [...(decay.only ?? []), ...decay.except], known);
  const included = decay.only ? matcher(decay.only) : () => true;
  const excluded = matcher(decay.except);
  return ({ name }) => included(name) && !excluded(name);
}

/** Throws UsageError for a pattern that fits no name. `where`: the key of the configuration. */
export function checkUsed(where: string, globs: readonly string[], names: readonly string[]): void {
  const unused = globs.find((glob) => {
    const pattern = globPattern(glob);
    return !names.some((name) => pattern.test(name));
  });
  if (unused === undefined) return;
  const meant = nearest(unused, names);
  throw new UsageError(
    `${where} names '${unused}', which no tensor of this model has${meant ? `; did you mean '${meant}'?` : '.'} ` +
      `Names are those of the checkpoint, such as '${names[0] ?? ''}', with * for any part.`,
  );
}
