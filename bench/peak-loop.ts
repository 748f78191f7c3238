/** Multiply-adds per second that bare loops of the kernels' products reach, with as many threads as the model is measured with. */
import type { KernelVariant } from '../src/backends/wasm/platform.ts';
import type { ElementType } from '../src/base/tensor.ts';
import { q4 } from '../src/formats/q4.ts';
import { q8 } from '../src/formats/q8.ts';
import { ternary } from '../src/formats/ternary.ts';
import { bareLoop, steady, warmUp } from './bare-loop.ts';

export interface PeakLoop {
  /** Measures now. */
  multiplyAddsPerSecond(): Promise<number>;
  dispose(): Promise<void>;
}

/** Loops of assembly/peak-loop.ts: int8 products as of q8 weights, as of narrower ones, and products of floats with ten or 24 sums. */
type Kind = 'wide' | 'narrow' | 'floats' | 'floatTiles';

const OPERAND_BYTES = 544;
/** As a byte 63, a factor that no instruction takes for negative; four of them are the float 0.747, whose sums stay normal numbers. */
const OPERAND = 0x3f;

/** Of one command for each thread, and the turns of a piece. */
const PIECES = 64;
const TURNS = 2048;

/** Products of vectors in a turn. */
const PRODUCTS: Readonly<Record<Kind, number>> = { wide: 40, narrow: 40, floats: 40, floatTiles: 24 };

/** Numbers in a product of vectors. */
function lanes(kind: Kind, variant: KernelVariant): number {
  if (kind === 'floats' || kind === 'floatTiles') return 4;
  return kind === 'wide' && variant === 'plain' ? 8 : 16;
}

/** The loops that multiply as the kernels of a format do. Codes below 16 may be multiplied in either way. */
function kindsOf(dtype: ElementType): readonly Kind[] {
  if (dtype === q8) return ['wide'];
  return dtype === q4 || dtype === ternary ? ['wide', 'narrow'] : ['floats', 'floatTiles'];
}

/** The best of the loops for weights of a format, by the kernels of a variant. */
export async function peakLoop(variant: KernelVariant, dtype: ElementType, threads: number): Promise<PeakLoop> {
  const loop = await bareLoop(`peak-loop-${variant}`, threads, OPERAND_BYTES, OPERAND);
  const pieces = PIECES * threads;
  const kinds = kindsOf(dtype).map((kind) => ({
    call: () => loop.run(kind, [loop.start, pieces]),
    products: pieces * TURNS * PRODUCTS[kind] * lanes(kind, variant),
  }));
  for (const { call } of kinds) await warmUp(call);
  return {
    async multiplyAddsPerSecond() {
      let best = 0;
      for (const { call, products } of kinds) best = Math.max(best, products / (await steady(call)));
      return best;
    },
    dispose: loop.dispose,
  };
}
