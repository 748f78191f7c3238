/** The types of outputs follow from those of the inputs, by one rule. */
import { afterEach, expect, it } from 'vitest';
import type { ElementType } from '../../src/base/tensor.ts';
import { ACTIVATIONS } from '../../src/ops/check.ts';
import { outputsOf } from '../../src/ops/op.ts';
import { type OpCase, opCases } from './cases.ts';

const activations = ACTIVATIONS as ElementType[];
afterEach(() => void activations.splice(1));

/** Types of the outputs, when the first input comes in this type. */
const typesOf = ({ op, inputs, attrs }: OpCase, type: ElementType) => {
  const given = inputs.map(({ shape, dtype }, i) => ({ shape, dtype: i === 0 ? type : dtype, place: {}, offset: 0 }));
  return outputsOf(op, given, attrs as never).map(({ dtype }) => dtype);
};

it('a new type of activations comes out wherever it goes in, and no op is changed for it', () => {
  activations.push('bf16');
  /** The first input is a weight or a pool; all must be alike; or the op is told the type. */
  const others = /^(embed|assign|concat|writeRows|copyRows|convert)/;
  /** Outputs whose precision matters more than the type of activations. */
  const isNamed = (name: string, i: number, type: ElementType) =>
    type !== 'f32' || name === 'summarizeLogits' || (name === 'quantizeRows' && i === 1);
  const cases = opCases(3).filter(({ name, inputs }) => inputs[0]?.dtype === 'f32' && !others.test(name));
  expect(cases.length).toBeGreaterThan(30);
  for (const one of cases) {
    const wanted = typesOf(one, 'f32').map((type, i) => (isNamed(one.op.name, i, type) ? type : 'bf16'));
    expect(typesOf(one, 'bf16'), one.name).toEqual(wanted);
  }
});
