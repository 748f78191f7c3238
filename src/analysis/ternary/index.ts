/** Ternary layers: what they hold, and what they lose. */
export * from './activations.ts';
export { type TernaryDistance, ternaryDistance } from './distance.ts';
export * from './weights.ts';
