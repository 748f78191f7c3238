/** See ops/layer-norm.ts. */
import { norm } from './norms.ts';

export const layerNorm = norm('layerNorm');
