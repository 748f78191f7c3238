/** Options of the optimiser: AdamW (arXiv 1711.05101), and which parameters it treats in which way. */
import * as v from 'valibot';
import { kind, kinds, type Option, oneOf, option } from '../options/option.ts';
import { either, list, only, section, variants } from '../options/section.ts';

const beta = v.pipe(v.number(), v.minValue(0), v.ltValue(1));
const betas = kind<readonly [number, number]>(
  'two numbers from 0 on and below 1',
  v.pipe(v.array(beta), v.length(2)) as unknown as Option<readonly [number, number]>,
);

/** Names of tensors as the checkpoint has them; `*` stands for any part. */
const tensors = option(kinds.texts, 'names of tensors as in the checkpoint, * for any part');

const DECAY_RULE = section({
  /** Only these tensors decay; default all. */
  only: option(kinds.texts, 'only these tensors decay (default: all); names as in the checkpoint, * for any part'),
  /** These do not. */
  except: option(kinds.texts, 'these tensors do not decay; names as in the checkpoint, * for any part', []),
});

export type DecayRule = typeof DECAY_RULE extends Option<infer T> ? T : never;

const GROUP = section(
  {
    tensors,
    /** Factor of the learning rate, such as 1 / width of muP. */
    rate: option(kinds.notNegative, 'factor of the learning rate, such as 1 / m_width of muP', 1),
    weightDecay: option(kinds.notNegative, 'weight decay of these tensors (default: that of the optimiser)'),
  },
  ['tensors'],
);

export const OPTIMIZER = variants('name', [
  section(
    {
      name: only('adamw'),
      /** The highest learning rate: the schedule multiplies it. */
      lr: option(kinds.positive, 'highest learning rate'),
      betas: option(betas, 'decay of the averages of gradients and of their squares', [0.9, 0.999]),
      eps: option(kinds.positive, 'added to the root of the averaged squares', 1e-8),
      /** Decoupled: parameters shrink by lr * weightDecay in each step, before the update. */
      weightDecay: option(kinds.notNegative, 'share of lr by which parameters shrink in each step', 0),
      /** Which tensors decay: all, those of two or more axes, or those of a rule. */
      decay: option(
        either<[Option<'all' | 'matrices'>, typeof DECAY_RULE]>(
          "'all', 'matrices' (tensors of two or more axes), or { only, except } with names of tensors",
          oneOf(['all', 'matrices']),
          DECAY_RULE,
        ),
        "which tensors decay: 'all', 'matrices' (those of two or more axes), or { only, except }",
        'all',
      ),
      /** Tensors with a learning rate or a weight decay of their own; of several groups that name one, the first counts. */
      groups: option(
        list(GROUP),
        'tensors with a learning rate or weight decay of their own; the first that names one counts',
        [],
      ),
    },
    ['name', 'lr'],
  ),
]);

export type Optimizer = typeof OPTIMIZER extends Option<infer T> ? T : never;
