/** The experts that are switched off, as the address has them and as interventions. */
import type { Intervention } from '../../../../src/web.ts';

export interface Expert {
  readonly layer: number;
  readonly expert: number;
}

export const keyOf = ({ layer, expert }: Expert): string => `${layer}.${expert}`;

/** As in `0.4,2.1`: layer and expert. */
export const expertsOf = (text: string): readonly Expert[] =>
  [...text.matchAll(/(\d+)\.(\d+)/g)].map(([, layer, expert]) => ({ layer: Number(layer), expert: Number(expert) }));

/** Switched off at first. */
export const OFF = '2.4';

export const textOf = (experts: readonly Expert[]): string => experts.map(keyOf).join(',');

export const toggled = (off: readonly Expert[], one: Expert): readonly Expert[] => {
  const others = off.filter((other) => keyOf(other) !== keyOf(one));
  return others.length < off.length ? others : [...off, one];
};

export const withoutExperts = (off: readonly Expert[]): Intervention[] =>
  off.map(({ layer, expert }) => ({ experts: [expert], layers: [layer], disable: true }));
