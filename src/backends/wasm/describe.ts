/** What this machine and engine offer the backend, and what it would choose: for reports. */
import { fastestVariant } from './features.ts';
import { defaultThreads } from './index.ts';
import type { KernelVariant, Platform } from './platform.ts';
import { type EngineFeatures, engineFeatures, LARGEST_POSSIBLE_MEMORY, largestMemory } from './probes.ts';

export interface BackendDescription {
  readonly features: EngineFeatures;
  /** The kernels that would be used; none where there is no SIMD. */
  readonly kernels: KernelVariant | undefined;
  /** Cores that this process may use. */
  readonly cores: number;
  /** Can memory be shared between threads? */
  readonly canShare: boolean;
  /** Threads that would compute. */
  readonly threads: number;
  /** Bytes of the largest memory that the engine grants, and of the largest that there can be. */
  readonly memoryBytes: number;
  readonly memoryBytesPossible: number;
}

export function describePlatform(platform: Platform): BackendDescription {
  const features = engineFeatures();
  const threads = defaultThreads(platform);
  return {
    features,
    kernels: features.simd ? fastestVariant() : undefined,
    cores: platform.cores,
    canShare: platform.canShare,
    threads,
    memoryBytes: largestMemory(threads > 1),
    memoryBytesPossible: LARGEST_POSSIBLE_MEMORY,
  };
}
