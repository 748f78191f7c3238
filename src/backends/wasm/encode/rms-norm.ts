/** See ops/rms-norm.ts. */
import { norm } from './norms.ts';

export const rmsNorm = norm('rmsNorm');
