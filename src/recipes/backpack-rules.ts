/** First values of Backpacks. */

/**
 * `residualStd`: of the output projections, which Levanter does not scale by depth; `positionStd`: of the position embeddings. All other
 * matrices have 0.02.
 */
export const backpackRules = ({ residualStd, positionStd }: { residualStd: number; positionStd: number }) =>
  [
    { tensors: ['*.ln_*.weight', '*.ln.weight'], values: 'constant', value: 1 },
    { tensors: ['*.bias'], values: 'constant', value: 0 },
    { tensors: ['*.wpe.weight'], values: 'normal', std: positionStd },
    { tensors: ['*.c_proj.weight'], values: 'normal', std: residualStd },
    { tensors: ['*'], values: 'normal', std: 0.02 },
  ] as const;
