/** What stands in synthetic tensors: small random numbers, the same for the same name; ones in the gains of norms. */
import type { StoredDType } from '../src/checkpoint/safetensors.ts';
import { storedBytes } from '../src/checkpoint/safetensors.ts';
import { Random } from '../src/sampler/random.ts';
import type { TensorSpec } from './published.ts';

/** Uniform within this: a matrix of some thousand columns then keeps a normed input near its size. */
const AMPLITUDE = 0.03;
/** 1 / mean |W|, as ternary checkpoints store it. */
const TERNARY_SCALE = 50;

const PATTERN_BYTES = 1 << 20;
const PREFIX_BYTES = 64 << 10;

const patterns = new Map<StoredDType, Uint8Array>();

/** The bytes at the beginning of a tensor; what follows is zero. With `dense`, all of its bytes. */
export function* bytesOf(tensor: TensorSpec, dense: boolean): Generator<Uint8Array> {
  const { name, shape, dtype } = tensor;
  const byteLength = storedBytes(shape, dtype);
  const isNorm = shape.length === 1 && /(norm|norm_f|ln|ln_\w)\.weight$/.test(name);
  if (isNorm) yield encode(new Float32Array(shape[0] as number).fill(1), dtype);
  else if (name.endsWith('.weight_scale')) yield encode(new Float32Array(1).fill(TERNARY_SCALE), dtype);
  else if (dtype !== 'BOOL' && (dense || shape.length > 1)) {
    // Twice the pattern, so that it can begin anywhere in it: tensors then differ.
    const pattern = patternOf(dtype);
    const start = (hash(tensor.copyOf ?? name) % (PATTERN_BYTES / 4)) * 4;
    for (let left = dense ? byteLength : Math.min(byteLength, PREFIX_BYTES); left > 0; left -= PATTERN_BYTES)
      yield pattern.subarray(start, start + Math.min(left, PATTERN_BYTES));
  }
}

function patternOf(dtype: StoredDType): Uint8Array {
  const known = patterns.get(dtype);
  if (known) return known;
  const random = Random.fromSeed(1);
  const once =
    dtype === 'U8'
      ? Uint8Array.from({ length: PATTERN_BYTES }, () => ternaryCodes(random))
      : encode(
          Float32Array.from(
            { length: PATTERN_BYTES / storedBytes([], dtype) },
            () => (2 * random.uniform() - 1) * AMPLITUDE,
          ),
          dtype,
        );
  const twice = new Uint8Array(2 * PATTERN_BYTES);
  twice.set(once);
  twice.set(once, PATTERN_BYTES);
  patterns.set(dtype, twice);
  return twice;
}

/** Four codes of 0, 1 or 2. */
function ternaryCodes(random: Random): number {
  let byte = 0;
  for (let shift = 0; shift < 8; shift += 2) byte |= (random.word() % 3) << shift;
  return byte;
}

function encode(values: Float32Array, dtype: StoredDType): Uint8Array {
  if (dtype === 'F32') return new Uint8Array(values.buffer);
  if (dtype !== 'BF16') throw new RangeError(`there are no synthetic numbers of type ${dtype}`);
  const bits = new Uint32Array(values.buffer);
  return new Uint8Array(Uint16Array.from(bits, (word) => word >>> 16).buffer);
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (const char of text) h = Math.imul(h ^ (char.codePointAt(0) as number), 0x01000193);
  return h >>> 0;
}
