/** Mixtures of experts: who gets which tokens. */
export * from './ablation.ts';
export * from './agreement.ts';
export { type ExpertLoad, expertLoad, type LayerLoad } from './load.ts';
export { type Mixtures, mixturesOf, ROUTING_OPTIONS, type RoutingOptions } from './routing.ts';
export * from './tokens.ts';
export * from './writes.ts';
