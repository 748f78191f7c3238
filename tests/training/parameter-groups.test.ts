/** Which parameters the optimiser treats alike. */
import { describe, expect, it } from 'vitest';
import { type GroupingOptions, parameterGroups } from '../../src/training/parameter-groups.ts';

const parameters = [
  { name: 'wte.weight', shape: [10, 4] },
  { name: 'h.0.ln.weight', shape: [4] },
  { name: 'h.0.up.weight', shape: [8, 4] },
  { name: 'h.0.up.bias', shape: [8] },
  { name: 'h.1.ln.weight', shape: [4] },
  { name: 'h.1.up.weight', shape: [8, 4] },
  { name: 'h.1.up.bias', shape: [8] },
];

const grouped = (options: Partial<GroupingOptions>) =>
  parameterGroups(parameters, { weightDecay: 0.1, decay: 'all', groups: [], ...options }).map((group) => [
    group.rate,
    group.weightDecay,
    ...group.parameters.map(({ name }) => name),
  ]);

describe('weight decay', () => {
  it('of all parameters is one group', () => {
    expect(grouped({})).toEqual([[1, 0.1, ...parameters.map(({ name }) => name)]]);
  });

  it('of matrices leaves out tensors of one axis', () => {
    expect(grouped({ decay: 'matrices' })).toEqual([
      [1, 0.1, 'wte.weight', 'h.0.up.weight', 'h.1.up.weight'],
      [1, 0, 'h.0.ln.weight', 'h.0.up.bias', 'h.1.ln.weight', 'h.1.up.bias'],
    ]);
  });

  it('goes by names', () => {
    expect(grouped({ decay: { except: ['wte*', '*.bias', '*.ln.weight'] } })).toEqual([
      [1, 0, 'wte.weight', 'h.0.ln.weight', 'h.0.up.bias', 'h.1.ln.weight', 'h.1.up.bias'],
      [1, 0.1, 'h.0.up.weight', 'h.1.up.weight'],
    ]);
    expect(grouped({ decay: { only: ['h.*'], except: ['*.bias'] } })[1]).toEqual([
      ...[1, 0.1, 'h.0.ln.weight', 'h.0.up.weight', 'h.1.ln.weight', 'h.1.up.weight'],
    ]);
  });
});

describe('groups', () => {
  it('have learning rates of their own, by the first that names a tensor', () => {
    const groups = [
      { tensors: ['h.1.up.weight'], rate: 0.5, weightDecay: 0 },
      { tensors: ['*.up.weight'], rate: 0.25, weightDecay: undefined },
    ];
    expect(grouped({ decay: 'matrices', groups })).toEqual([
      [1, 0.1, 'wte.weight'],
      [1, 0, 'h.0.ln.weight', 'h.0.up.bias', 'h.1.ln.weight', 'h.1.up.bias'],
      [0.25, 0.1, 'h.0.up.weight'],
      [0.5, 0, 'h.1.up.weight'],
    ]);
  });

  it('refuse a pattern that no tensor has', () => {
    expect(() => grouped({ decay: { except: ['wte.wieght'] } })).toThrow(
      "optimizer.decay names 'wte.wieght', which no tensor of this model has; did you mean 'wte.weight'?",
    );
    const groups = [{ tensors: ['*.gate'], rate: 1, weightDecay: undefined }];
    expect(() => grouped({ groups })).toThrow("optimizer.groups names '*.gate', which no tensor of this model has");
    // Frozen tensors are no parameters, but rules may name them.
    const some = parameters.filter(({ name }) => name !== 'wte.weight');
    const names = parameters.map(({ name }) => name);
    const options = { weightDecay: 1, decay: { except: ['wte*'] }, groups: [] };
    expect(parameterGroups(some, options, names)).toHaveLength(1);
  });
});
