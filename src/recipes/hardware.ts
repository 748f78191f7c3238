/** Accelerators of the published runs. Peaks are those of the makers' data sheets for dense bf16 products. */
import type { Hardware } from '../training/plan/plan.ts';

type Accelerator = Pick<Hardware, 'name' | 'peakFlops' | 'memoryBytes'>;

export const A100_40GB: Accelerator = { name: 'A100 40GB', peakFlops: 312e12, memoryBytes: 40e9 };
export const H100_80GB: Accelerator = { name: 'H100 80GB', peakFlops: 989e12, memoryBytes: 80e9 };
/** One of the two cores of a chip, as TPU v3-128 has 128. */
export const TPU_V3_CORE: Accelerator = { name: 'TPU v3 core', peakFlops: 61.5e12, memoryBytes: 16e9 };
