/** Interventions of every kind that a model takes, drawn from a seed. */
import type { Intervention, Where } from '../../src/interventions/intervention.ts';
import { hasRows, type InterventionTarget, rowOf } from '../../src/interventions/target.ts';
import { widthOf } from '../../src/interventions/vectors.ts';
import { generator } from '../ops/cases.ts';

/** `length`: tokens of the text. `neutral`: all of them change nothing. */
export function someInterventions(
  target: InterventionTarget,
  seed: number,
  { length, count = 4, neutral = false }: { length: number; count?: number; neutral?: boolean },
): Intervention[] {
  const random = generator(seed);
  const below = (n: number) => Math.floor(random() * n);
  const one = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const numbers = (n: number) => Array.from({ length: n }, () => 2 * random() - 1);
  const where = (): Where => ({
    ...one<Where>([
      {},
      { positions: [below(length), -1] },
      { positions: { from: below(length) } },
      { positions: { from: -3, to: -1 } },
      { from: 0 },
      { from: 1, to: 3 },
    ]),
    ...(below(3) === 0 ? { tokens: Array.from({ length: 12 }, () => below(target.facts.vocabSize)) } : {}),
  });
  const by = () => (neutral ? 0 : one([1, -0.5, 2]));
  const sites = [...target.sites.values()].filter((site) => hasRows(site) && !site.integer);
  const ofSite = (): Intervention => {
    const site = one(sites);
    const row = rowOf(site);
    const heads = row.heads && below(2) === 0 ? { heads: [below(row.heads)] } : {};
    const channels = below(2) === 0 ? { channels: [below(row.columns), below(row.columns)] } : {};
    const rest = { site: site.name, ...where(), ...heads, ...channels };
    const vector = numbers(widthOf(row));
    return one<() => Intervention>([
      () => ({ ...rest, add: vector, by: by() }),
      () => ({ ...rest, scale: neutral ? 1 : one([0, 0.5, -1]) }),
      () => ({ ...rest, set: vector, by: by() }),
      () => ({ ...rest, project: vector, by: by() }),
    ])();
  };
  const kinds: (() => Intervention)[] = [ofSite, ofSite];
  const senses = target.sites.get('senses')?.shape;
  if (senses) {
    const [, count = 0, width = 0] = senses;
    const word = () => ({ token: below(target.facts.vocabSize), sense: below(count) });
    kinds.push(() => ({
      senses: one([{ sense: below(count) }, word()]),
      scale: neutral ? 1 : 2,
      ...one([{}, { from: 1 }, { positions: [0, 1] }]),
    }));
    kinds.push(() => ({ senses: word(), set: numbers(width), by: by() }));
  }
  const experts = target.sites.get('blocks.0.routerLogits')?.shape[1];
  if (experts) {
    kinds.push(() => (neutral ? { experts: [0], bias: 0 } : { experts: [below(experts)], bias: 3, ...where() }));
    if (!neutral)
      kinds.push(() =>
        one<Intervention>([
          { experts: [below(experts)], layers: [0], disable: true },
          { experts: [below(experts)], force: true },
        ]),
      );
  }
  if (target.state.some(({ grows }) => !grows))
    kinds.push(() => ({
      state: one(['blocks.*.ssmState', 'blocks.0.window']),
      at: below(length),
      scale: neutral ? 1 : one([0.5, -1]),
    }));
  return Array.from({ length: count }, () => one(kinds)());
}
