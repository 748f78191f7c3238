import type { Keys } from './single.ts';
export const SAMPLES: readonly Keys[] = [];
