/** First values of tensors, by rules: the same for the same seed, on every machine and in every order. */
import { UsageError } from '../../base/errors.ts';
import { exp, log } from '../../base/math.ts';
import { type Shape, size } from '../../base/tensor.ts';
import { checkUsed, matcher } from '../parameter-groups.ts';
import { normalPairs, type Pairs, uniformPairs } from './random-numbers.ts';
import type { InitializeRule } from './rules.ts';

/** A tensor of a new model. */
export interface NewTensor {
  /** As in the checkpoint. */
  readonly name: string;
  readonly shape: Shape;
  /** Numbers by which one output of a linear map or convolution is multiplied. */
  readonly fanIn: number;
}

/** Even, so that a block has whole pairs of random numbers. */
const BLOCK = 1 << 18;

/** The values of a tensor in row-major order, in blocks. */
export type ValuesOf = (tensor: NewTensor) => Generator<Float32Array>;

/**
 * Makes the function that gives the values of each tensor. Throws UsageError when no rule names one of `tensors`, and when a rule names none.
 */
export function initialValues(rules: readonly InitializeRule[], seed: number, tensors: readonly NewTensor[]): ValuesOf {
  const names = tensors.map(({ name }) => name);
  for (const { tensors } of rules) checkUsed('initialize.rules', tensors, names);
  const tests = rules.map((rule) => ({ rule, fits: matcher(rule.tensors) }));
  const ruleOf = (name: string) => tests.find(({ fits }) => fits(name))?.rule;
  const without = names.find((name) => !ruleOf(name));
  if (without !== undefined)
    throw new UsageError(
      `initialize.rules say nothing about '${without}': add a rule that names it, or a last one for '*'.`,
    );
  return (tensor) => blocksOf(tensor, ruleOf(tensor.name) as InitializeRule, seed);
}

function* blocksOf(tensor: NewTensor, rule: InitializeRule, seed: number): Generator<Float32Array> {
  const { fill, scale } = { fill: fillerOf(tensor, rule, seed), scale: rule.scale };
  const count = size(tensor.shape);
  for (let from = 0; from < count; from += BLOCK) {
    const block = new Float32Array(Math.min(BLOCK, count - from));
    fill(block, from, scale);
    yield block;
  }
}

/** Fills a block that begins at number `from` of its tensor, which is even. */
type Fill = (block: Float32Array, from: number, scale: number) => void;

function fillerOf({ name, shape, fanIn }: NewTensor, rule: InitializeRule, seed: number): Fill {
  switch (rule.values) {
    case 'normal':
      return random(normalPairs(seed, name), (z) => z * rule.std);
    case 'uniform':
      return random(uniformPairs(seed, name), (u) => rule.from + u * (rule.to - rule.from));
    case 'uniformByFanIn': {
      const bound = 1 / Math.sqrt(fanIn);
      return random(uniformPairs(seed, name), (u) => (2 * u - 1) * bound);
    }
    case 'inverseSoftplus': {
      const low = log(rule.from);
      const span = log(rule.to) - low;
      return random(uniformPairs(seed, name), (u) => inverseSoftplus(Math.max(rule.floor, exp(low + u * span))));
    }
    case 'constant':
      return (block, _, scale) => block.fill(rule.value * scale);
    case 'logOfPlace': {
      const width = shape.at(-1) ?? 1;
      return (block, from, scale) => {
        for (let i = 0; i < block.length; i++) block[i] = log(((from + i) % width) + 1) * scale;
      };
    }
    default:
      return rule satisfies never;
  }
}

function random(pairs: Pairs, value: (number: number) => number): Fill {
  const pair = new Float64Array(2);
  return (block, from, scale) => {
    for (let i = 0; i < block.length; i += 2) {
      pairs((from + i) / 2, pair);
      block[i] = value(pair[0] as number) * scale;
      if (i + 1 < block.length) block[i + 1] = value(pair[1] as number) * scale;
    }
  };
}

/** x with log(1 + exp(x)) = y, for y from 1e-4 on. */
export function inverseSoftplus(y: number): number {
  return y + log(1 - exp(-y));
}
