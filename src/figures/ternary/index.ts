/** Reports on ternary layers. */
export { activationsReport } from './activations.ts';
export { ternaryReport } from './weights.ts';
