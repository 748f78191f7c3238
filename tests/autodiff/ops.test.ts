/** The backward rule of every op is the slope of what the op computes: central differences in double precision, along random directions. */
import { describe, expect, it } from 'vitest';
import { Tape } from '../../src/autodiff/tape.ts';
import { eager } from '../../src/backends/eager.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { isPacked, size, type Tensor } from '../../src/base/tensor.ts';
import type { PackedBytes } from '../../src/formats/format.ts';
import { ternary } from '../../src/formats/ternary.ts';
import { type Op, vocabulary } from '../../src/ops/index.ts';
import { generator, type Input, type OpCase, opCases } from '../ops/cases.ts';
import { live } from '../ops/run.ts';

const SEEDS = [1, 2, 3, 4, 5];

/** Ops that nothing is trained through, with the reason. */
const UNTRAINED: Readonly<Record<string, string>> = {
  zeros: 'has no inputs',
  assign: 'writes state',
  writeRows: 'writes state; a training pass keeps keys and values as values of its own',
  attentionPattern: 'shows what attention computes, which has a rule of its own',
  attendPattern: 'as attentionPattern',
  summarizeLogits: 'for scoring; training has crossEntropy',
  markNonFinite: 'looks for errors',
  accumulate: 'writes state',
  sumSquares: 'for norms of gradients',
  adamw: 'writes state',
  ...Object.fromEntries(
    'addOuter addColumns addRows addExpertOuter geluBackward softplusBackward gateBackward layerNormBackward rmsNormBackward linearBackward linearTernaryBackward attentionBackward repeatHeads causalConvBackward selectiveScanBackward expertGatesBackward sumSlotsBackward expertOutputsBackward expertLinearBackward crossEntropyBackward divergenceBackward balanceLoadBackward'
      .split(' ')
      .map((name) => [name, 'is a part of backward rules, which are not differentiated again']),
  ),
};

/** Ops that round. Their rules are those of the map without rounding (straight through), so differences say nothing. */
const ROUNDING = ['quantizeRows', 'linearTernary', 'trainTernary', 'trainInt8', 'convert'];

/** Inputs that the rules take as given: angles, gains, interventions, states, which are zeros, and the load. */
const GIVEN: Readonly<Record<string, readonly number[]>> = {
  rope: [1, 2],
  attention: [5],
  intervene: [1, 2, 3],
  causalConv: [3],
  selectiveScan: [6],
  balanceLoad: [1],
  divergence: [0],
  copyRows: [0],
};
const STATES = ['causalConv', 'selectiveScan'];

type Numbers = Float64Array;

const numbersOf = (x: Tensor) => (x.place as { data: Numbers }).data;

const casesOf = (name: string): OpCase[] =>
  SEEDS.flatMap(opCases)
    .filter(({ op, inputs }) => op.name === name && inputs.every(({ dtype }) => dtype === 'f32' || dtype === 'i32'))
    .filter(({ inputs }) => inputs.every(({ data }) => data.length > 0));

/** The op on these inputs, of which those at `trained` are differentiated, and a loss: the outputs times `seeds`, drawn once. */
async function setUp({ op, inputs, attrs }: OpCase, trained: readonly number[], random: () => number) {
  const backend = createReferenceBackend({ precision: 'f64' });
  const tracer = eager(backend);
  const isState = (i: number) => STATES.includes(op.name) && GIVEN[op.name]?.includes(i);
  const tensors = await Promise.all(
    inputs.map((input, i) => live(backend, isState(i) ? { ...input, data: input.data.map(() => 0) } : input)),
  );
  const sums = new Map(trained.map((i) => [tensors[i] as Tensor, backend.allocate(inputs[i]?.shape ?? [], 'f32')]));
  const kept = tensors.map((x) => numbersOf(x).slice());
  const restore = () => {
    for (const [i, x] of tensors.entries()) numbersOf(x).set(kept[i] as Numbers);
  };
  const outputs = op.outputs(tensors, attrs as never);
  const seeds = outputs.map(({ shape, dtype }) =>
    dtype === 'i32' || dtype === 'i8' ? undefined : Float64Array.from({ length: size(shape) }, () => random() - 0.5),
  );
  /** Counts of the load at the point of the derivative, which are constants of the loss. */
  let counts: number[] | undefined;
  const auxiliary = () => {
    if (op.name !== 'balanceLoad') return 0;
    const { layer, pooled, balance, z } = attrs as { layer: number; pooled: boolean; balance: number; z: number };
    const x = inputs[0]?.shape[1] as number;
    const [load, width] = [numbersOf(tensors[1] as Tensor), 2 * x + 1];
    const own = load.subarray(layer * width, (layer + 1) * width);
    counts ??= Array.from({ length: x }, (_, e) =>
      pooled
        ? Array.from({ length: load.length / width }, (_, l) => load[l * width + e] as number).reduce((a, b) => a + b)
        : (own[e] as number),
    );
    return counts.reduce((sum, c, e) => sum + balance * c * (own[x + e] as number), z * (own[2 * x] as number));
  };
  return {
    tensors,
    gradients: () => [...sums.values()].map(numbersOf),
    seeds,
    async differentiate() {
      restore();
      await backend.step(async () => {
        const tape = new Tape(tracer, { trained: sums });
        const made = tape.apply(op, tensors, attrs as never);
        auxiliary();
        tape.backward(
          made.flatMap((y, i) => {
            const seed = seeds[i];
            if (!seed) return [];
            const given = backend.alloc(y.shape, 'f32');
            numbersOf(given).set(seed);
            return [[y, given] as const];
          }),
        );
      });
    },
    async lossAt(step: number, directions: readonly Numbers[]) {
      restore();
      trained.forEach((i, n) => {
        const x = numbersOf(tensors[i] as Tensor);
        x.set((kept[i] as Numbers).map((value, k) => value + step * (directions[n]?.[k] as number)));
      });
      return backend.step(async () => {
        const made = tracer.apply(op, tensors, attrs as never);
        const sum = made.reduce((all, y, i) => {
          const seed = seeds[i];
          return seed
            ? numbersOf(y)
                .subarray(y.offset, y.offset + seed.length)
                .reduce((s, value, k) => s + value * (seed[k] as number), all)
            : all;
        }, 0);
        return sum + auxiliary();
      });
    },
  };
}

const trainable = vocabulary.map((op) => op as unknown as Op<never>).filter((op) => op.gradient || op.compose);

it('has a rule, a composition, or a reason, for every op of the vocabulary', () => {
  const without = vocabulary.map((op) => op as unknown as Op<never>).filter((op) => !op.gradient && !op.compose);
  expect(without.map(({ name }) => name).sort()).toEqual(Object.keys(UNTRAINED).sort());
});

describe.each(
  trainable.filter(({ name }) => !ROUNDING.includes(name) && name !== 'copyRows').map(({ name }) => [name]),
)('%s', (name) => {
  it('has the slope of its outputs as its gradient', async () => {
    const cases = casesOf(name);
    expect(cases.length).toBeGreaterThan(0);
    for (const [n, one] of cases.entries()) {
      const random = generator(100 + n);
      const trained = one.inputs.flatMap(({ dtype }, i) => (dtype === 'f32' && !GIVEN[name]?.includes(i) ? [i] : []));
      const use = await setUp(one, trained, random);
      await use.differentiate();
      const directions = trained.map((i) =>
        Float64Array.from({ length: one.inputs[i]?.data.length ?? 0 }, () => random() - 0.5),
      );
      const eps = 1e-6;
      const slope = ((await use.lossAt(eps, directions)) - (await use.lossAt(-eps, directions))) / (2 * eps);
      let [product, scale] = [0, 1e-3];
      use.gradients().forEach((gradient, i) => {
        gradient.forEach((g, k) => {
          const term = g * (directions[i]?.[k] as number);
          product += term;
          scale += Math.abs(term);
        });
      });
      expect(Math.abs(product - slope) / scale, `${one.name}: ${product}, wanted ${slope}`).toBeLessThan(1e-6);
    }
  });
});

describe('ops that round', () => {
  it.each(['trainTernary', 'trainInt8', 'convert'])(
    '%s passes gradients on unchanged, at every lambda',
    async (name) => {
      for (const one of casesOf(name)) {
        const use = await setUp(one, [0], generator(5));
        await use.differentiate();
        expect(use.gradients()[0], one.name).toEqual(use.seeds[0]);
      }
    },
  );

  it('linearTernary after quantizeRows has the gradient of the map by the numbers that its codes stand for', async () => {
    const cases = SEEDS.flatMap(opCases).filter(({ op }) => op.name === 'linearTernary');
    const by = (name: string) => vocabulary.find((op) => op.name === name) as unknown as Op<never>;
    for (const { attrs, inputs, name } of cases) {
      const { wScale, count } = attrs as { wScale: 'divide' | 'multiply'; count: number };
      const [t = 0, j = 0] = inputs[0]?.shape ?? [];
      const random = generator(9);
      const backend = createReferenceBackend({ precision: 'f64' });
      const x = backend.allocate([t, j], 'f32');
      numbersOf(x).set(Float64Array.from({ length: t * j }, () => random() - 0.5));
      const rest = await Promise.all(inputs.slice(2).map((input) => live(backend, input)));
      const sum = backend.allocate([t, j], 'f32');
      const wanted = new Float64Array(t * j);
      await backend.step(async () => {
        const tape = new Tape(eager(backend), { trained: new Map([[x, sum]]) });
        const codes = tape.apply(by('quantizeRows'), [x], undefined as never);
        const outputs = tape.apply(by('linearTernary'), [...codes, ...rest], attrs as never);
        tape.backward(
          outputs.map((y, i) => {
            const dy = backend.alloc(y.shape, 'f32');
            numbersOf(dy).set(Float64Array.from({ length: size(y.shape) }, () => random() - 0.5));
            const n = y.shape[1] as number;
            const signs = ternary.unpack(numbersOf(rest[i] as Tensor) as unknown as PackedBytes, [n, j]);
            const scale = numbersOf(rest[count + i] as Tensor)[0] as number;
            for (let k = 0; k < t * n * j; k++) {
              const [token, row, column] = [Math.floor(k / (n * j)), Math.floor(k / j) % n, k % j];
              const factor = (numbersOf(dy)[token * n + row] as number) * (wScale === 'divide' ? 1 / scale : scale);
              wanted[token * j + column] =
                (wanted[token * j + column] as number) + factor * (signs[row * j + column] as number);
            }
            return [y, dy] as const;
          }),
        );
      });
      numbersOf(sum).forEach((g, k) => {
        expect(Math.abs(g - (wanted[k] as number)), name).toBeLessThan(1e-9);
      });
    }
  });

  it('linear with packed weights has the gradient of the map by the numbers that they stand for', async () => {
    const cases = SEEDS.flatMap(opCases).filter(
      ({ op, inputs }) => op.name === 'linear' && isPacked(inputs[1]?.dtype ?? 'f32'),
    );
    expect(cases.length).toBeGreaterThan(0);
    for (const one of cases) {
      const plain = one.inputs.map((input): Input => {
        const { dtype, shape, data } = input;
        return isPacked(dtype)
          ? { shape, dtype: 'f32', data: dtype.unpack(dtype.pack(data, shape), shape) as Float32Array }
          : input;
      });
      const [packed, unpacked] = await Promise.all(
        [one, { ...one, inputs: plain }].map((each) => setUp(each, [0], generator(3))),
      );
      await packed?.differentiate();
      await unpacked?.differentiate();
      expect(packed?.gradients(), one.name).toEqual(unpacked?.gradients());
    }
  });
});
