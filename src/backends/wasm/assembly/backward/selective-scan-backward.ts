/**
 * Backward of Mamba's recurrence. A piece of work is a fixed part of the channels, with all sequences, so that sums over tokens are made in their order;
 * sums over channels are first made within a part, and those of the parts are added up by sum-parts.ts. Neither depends on the threads.
 *
 * Of a sequence the states at the borders of chunks are computed first, for CHANNELS channels at a time; then chunk by chunk, from the last to the first, all
 * states of a chunk, two for each channel at a time, and the gradients from them. Each exponential is thus computed twice.
 */
import { addSums, gather } from '../columns';
import { address, scratch, take, word } from '../command';
import { load4, loadEnd, madd, store4, sumLanesOf4 } from '../lanes';
import { advance, CHANNELS, CHUNK, descend, PAIR_BYTES, recall, ROW, STATES_BYTES } from './scan-chunk';

const LOG2_E: f32 = 1.44269504088896341;

/** Word where the list of sequences begins: first row of each, and T at the end. */
const STARTS: usize = 18;

const GROUPS: usize = CHANNELS / 4;
const WIDE_BYTES: usize = CHUNK * ROW;

// Where things lie in scratch memory, and what lies in front of the borders; `n` is a multiple of 4. encode/backward/selective-scan-backward.ts knows the sum.

/** a, its gradient, and that of h of each channel of CHANNELS; more of them follow as borders. */
// @ts-ignore: decorator
@inline
function statesBytes(n: usize): usize {
  return n * ROW;
}

/** A row of b or c, padded to `padded` numbers. */
function copyRow(to: usize, from: usize, count: usize, padded: usize): void {
  let i: usize = 0;
  for (; i + 4 <= count; i += 4) v128.store(to + (i << 2), v128.load(from + (i << 2)));
  if (i < padded) v128.store(to + (i << 2), loadEnd(from + (i << 2), count - i));
}

/** Of some channels and tokens dt log2 e and dt x; with `all` also x, dt, dy, and sums that begin with zeros. */
function stage(rate: usize, all: bool, x: usize, dt: usize, dy: usize, stride: usize, tokens: u32, few: u32): void {
  const drive = rate + WIDE_BYTES;
  for (let t: usize = 0; t < tokens; t++, x += stride, dt += stride, dy += stride) {
    for (let e: u32 = 0; e < few; e += 4) {
      const at: usize = e << 2;
      const to = t * ROW + at;
      const count: usize = few - e;
      const step = load4(dt + at, count);
      const input = load4(x + at, count);
      v128.store(rate + to, f32x4.mul(step, f32x4.splat(LOG2_E)));
      v128.store(drive + to, f32x4.mul(step, input));
      if (!all) continue;
      v128.store(drive + WIDE_BYTES + to, step);
      v128.store(drive + 2 * WIDE_BYTES + to, input);
      v128.store(drive + 3 * WIDE_BYTES + to, load4(dy + at, count));
      v128.store(drive + 4 * WIDE_BYTES + to, f32x4.splat(0));
      v128.store(drive + 5 * WIDE_BYTES + to, f32x4.splat(0));
    }
  }
}

/** Sums over channels of a chunk, from pairs of states to rows [tokens, n] at `to`; leaves zeros behind. */
function sumChannels(to: usize, sums: usize, tokens: u32, n: usize, first: bool): void {
  const zero = f32x4.splat(0);
  for (let t: usize = 0; t < tokens; t++) {
    for (let k: usize = 0; k < n; k += 4, to += 16) {
      const low = sums + (k >> 1) * PAIR_BYTES + (t << 5);
      const high = low + PAIR_BYTES;
      const all = sumLanesOf4(v128.load(low), v128.load(low, 16), v128.load(high), v128.load(high, 16));
      v128.store(to, first ? all : f32x4.add(v128.load(to), all));
      v128.store(low, zero);
      v128.store(low, zero, 16);
      v128.store(high, zero);
      v128.store(high, zero, 16);
    }
  }
}

/**
 * Words: dx, ddt, sums for db and dc [parts, T, n], x, dt, a, b, c, d, dy, da, dd, T, E, N, parts, sequences, starts. n is N filled up to a multiple of 4.
 */
export function selectiveScanBackward(args: usize, part: u32, parts: u32): void {
  const all: usize = word(args, 13);
  const channels = word(args, 14);
  const count: usize = word(args, 15);
  const shares = word(args, 16);
  const sequences = word(args, 17);
  const n = (count + 3) & ~3;
  const narrow = n << 2;
  const stride: usize = channels << 2;
  const own = statesBytes(n);
  const groupBytes = n << 4;
  const decays = scratch(args, part);
  const sumsA = decays + own;
  const later = sumsA + own; // gradients that come from later tokens
  const sumsB = later + own;
  const sumsC = sumsB + (n >> 1) * PAIR_BYTES;
  const states = sumsC + (n >> 1) * PAIR_BYTES;
  const kept = states + STATES_BYTES;
  const rows = kept + PAIR_BYTES; // of b, and of c
  const rowsC = rows + CHUNK * narrow;
  const rate = rowsC + CHUNK * narrow;
  const drive = rate + WIDE_BYTES;
  const steps = drive + WIDE_BYTES;
  const inputs = steps + WIDE_BYTES;
  const givens = inputs + WIDE_BYTES;
  const forInputs = givens + WIDE_BYTES;
  const forSteps = forInputs + WIDE_BYTES;
  const sumsD = forSteps + WIDE_BYTES;
  const borders = sumsD + ROW;
  memory.fill(sumsB, 0, n * PAIR_BYTES);

  const pieces = (channels + CHANNELS - 1) / CHANNELS;
  for (let share = take(args); share < shares; share = take(args)) {
    const from = (share * pieces) / shares;
    const until = ((share + 1) * pieces) / shares;
    for (let piece = from; piece < until; piece++) {
      const first = piece * CHANNELS;
      const few = min(CHANNELS, channels - first);
      const groups: usize = (few + 3) / 4;
      const at: usize = first << 2;
      memory.fill(decays, 0, 2 * own);
      memory.fill(sumsD, 0, ROW);
      for (let i: usize = 0; i < groups; i++) {
        const some = min<usize>(few - 4 * i, 4);
        const a = address(args, 6) + (first + 4 * i) * (count << 2);
        gather(decays + i * groupBytes, a, some, count);
      }
      for (let b: u32 = 0; b < sequences; b++) {
        const begin: usize = word(args, STARTS + b);
        const tokens = word(args, STARTS + b + 1) - <u32>begin;
        if (tokens == 0) continue;
        const x = address(args, 4) + begin * stride + at;
        const dt = address(args, 5) + begin * stride + at;
        const dy = address(args, 10) + begin * stride + at;
        const chunks = (tokens + CHUNK - 1) / CHUNK;
        memory.fill(borders, 0, own);
        for (let chunk: usize = 0; chunk + 1 < chunks; chunk++) {
          const row = chunk * CHUNK;
          stage(rate, false, x + row * stride, dt + row * stride, 0, stride, CHUNK, few);
          for (let t: usize = 0; t < CHUNK; t++) copyRow(rows + t * narrow, address(args, 7) + (begin + row + t) * (count << 2), count, n);
          for (let i: usize = 0; i < groups; i++) {
            for (let k: usize = 0; k < n; k += 2) {
              const state = i * groupBytes + (k << 4);
              const before = borders + chunk * own + state;
              advance(before + own, before, decays + state, rate + 16 * i, drive + 16 * i, rows + (k << 2), narrow, CHUNK, part);
            }
          }
        }
        memory.fill(later, 0, own);
        for (let chunk: usize = chunks; chunk-- > 0; ) {
          const row = chunk * CHUNK;
          const some = min(CHUNK, tokens - <u32>row);
          stage(rate, true, x + row * stride, dt + row * stride, dy + row * stride, stride, some, few);
          for (let t: usize = 0; t < some; t++) {
            const place = (begin + row + t) * (count << 2);
            copyRow(rows + t * narrow, address(args, 7) + place, count, n);
            copyRow(rowsC + t * narrow, address(args, 8) + place, count, n);
          }
          for (let i: usize = 0; i < groups; i++) {
            const lane = 16 * i;
            for (let k: usize = 0; k < n; k += 2) {
              const state = i * groupBytes + (k << 4);
              const pair = (k >> 1) * PAIR_BYTES;
              const b = rows + (k << 2);
              recall(states, kept, borders + chunk * own + state, decays + state, rate + lane, drive + lane, b, narrow, some, part);
              descend(
                some,
                states,
                kept,
                decays + state,
                sumsA + state,
                later + state,
                steps + lane,
                drive + lane,
                givens + lane,
                b,
                rowsC + (k << 2),
                narrow,
                sumsB + pair,
                sumsC + pair,
                forInputs + lane,
                forSteps + lane,
              );
            }
          }
          const sums = (share * all + begin + row) * narrow;
          sumChannels(address(args, 2) + sums, sumsB, some, n, piece == from);
          sumChannels(address(args, 3) + sums, sumsC, some, n, piece == from);
          const out = (begin + row) * stride + at;
          finish(address(args, 0) + out, address(args, 1) + out, address(args, 9) + at, sumsD, steps, stride, some, few);
        }
      }
      for (let i: usize = 0; i < groups; i++) {
        const some = min<usize>(few - 4 * i, 4);
        const a = address(args, 11) + (first + 4 * i) * (count << 2);
        addSums(a, sumsA + i * groupBytes, some, count, later);
        const d = address(args, 12) + at + 16 * i;
        store4(d, f32x4.add(load4(d, some), v128.load(sumsD + 16 * i)), some);
      }
    }
  }
}

/** dx and ddt of a chunk, and the sums for dd. `steps` as `stage` left them, and what follows. */
function finish(dx: usize, ddt: usize, d: usize, sumsD: usize, steps: usize, stride: usize, tokens: u32, few: u32): void {
  for (let e: u32 = 0; e < few; e += 4) {
    const at: usize = e << 2;
    const some: usize = few - e;
    const direct = load4(d + at, some);
    let sum = v128.load(sumsD + at);
    let from = steps + at;
    for (let to = at; to < at + tokens * stride; to += stride, from += ROW) {
      const input = v128.load(from + WIDE_BYTES);
      const given = v128.load(from + 2 * WIDE_BYTES);
      const forInput = v128.load(from + 3 * WIDE_BYTES);
      sum = madd(given, input, sum);
      store4(dx + to, madd(v128.load(from), forInput, f32x4.mul(direct, given)), some);
      store4(ddt + to, madd(input, forInput, v128.load(from + 4 * WIDE_BYTES)), some);
    }
    v128.store(sumsD + at, sum);
  }
}
