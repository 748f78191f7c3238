/** First values of Mamba (state-spaces/mamba e9594ce). */

/** `rank`: of dt_proj; `convolution`: its width; out_proj is divided by the root of the number of layers. */
export const mambaRules = ({ rank, convolution, layers }: { rank: number; convolution: number; layers: number }) =>
  [
    { tensors: ['*norm.weight', '*norm_f.weight'], values: 'constant', value: 1 },
    { tensors: ['*.dt_proj.weight'], values: 'uniform', from: -1 / Math.sqrt(rank), to: 1 / Math.sqrt(rank) },
    { tensors: ['*.dt_proj.bias'], values: 'inverseSoftplus', from: 0.001, to: 0.1, floor: 1e-4 },
    { tensors: ['*.A_log'], values: 'logOfPlace' },
    { tensors: ['*.D'], values: 'constant', value: 1 },
    {
      tensors: ['*.conv1d.bias'],
      values: 'uniform',
      from: -1 / Math.sqrt(convolution),
      to: 1 / Math.sqrt(convolution),
    },
    { tensors: ['*embeddings.weight'], values: 'normal', std: 0.02 },
    { tensors: ['*.out_proj.weight'], values: 'uniformByFanIn', scale: 1 / Math.sqrt(layers) },
    { tensors: ['*'], values: 'uniformByFanIn' },
  ] as const;
