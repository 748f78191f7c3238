/** First values and learning rates of Granite by muP (Granite 3.0 report, table 2; IBM/dolomite-engine d0ee186). */

/** Matrices inside of the blocks, the router included. */
const INTERNAL = ['*_proj.weight', '*_linear.weight', '*.router.layer.weight'];

/** `width`: m_width, by which the learning rate of internal matrices is divided, and by whose root their first values are. */
export const graniteRules = ({ width, layers }: { width: number; layers: number }) =>
  [
    { tensors: ['*norm.weight'], values: 'constant', value: 1 },
    { tensors: ['*embed_tokens.weight'], values: 'normal', std: 0.1 },
    {
      tensors: ['*.o_proj.weight', '*.output_linear.weight'],
      values: 'normal',
      std: 0.1 / Math.sqrt(width) / Math.sqrt(2 * layers),
    },
    { tensors: ['*'], values: 'normal', std: 0.1 / Math.sqrt(width) },
  ] as const;

export const graniteOptimizer = ({ width, lr }: { width: number; lr: number }) =>
  ({
    name: 'adamw',
    lr,
    betas: [0.9, 0.95],
    eps: 1e-8,
    weightDecay: 0.1,
    decay: { except: ['*norm.weight'] },
    groups: [{ tensors: INTERNAL, rate: 1 / width }],
  }) as const;
