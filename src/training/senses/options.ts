/** Options of sense fine-tuning: examples of what the model shall and shall not say, and how much it may change otherwise (arXiv 2402.06155). */
import { kinds, type Option, oneOf, option } from '../../options/option.ts';
import { either, list, section } from '../../options/section.ts';

const textOrIds = either<[Option<string>, Option<readonly number[]>]>(
  'a text, or a list of token ids',
  kinds.text,
  kinds.ids,
);

const EXAMPLE = section(
  {
    prefix: option(textOrIds, 'how a text begins: a text, or its token ids'),
    suffix: option(textOrIds, 'how it goes on; encoded by itself, so with its space in front'),
    /** Another way to go on, for the losses that compare two. */
    other: option(textOrIds, "another way to go on, for 'goodAgainstBad' (the bad one) and 'balance'"),
  },
  ['prefix', 'suffix'],
);

export type SenseExample = typeof EXAMPLE extends Option<infer T> ? T : never;

export const SENSES = section(
  {
    examples: option(list(EXAMPLE), 'texts that show what the model shall or shall not say'),
    /** good: -log p(suffix). bad: log p(suffix). goodAgainstBad: -log p(suffix) + log p(other). balance: the absolute difference of the two. */
    loss: option(
      oneOf(['good', 'bad', 'goodAgainstBad', 'balance']),
      'good: suffixes become likelier; bad: unlikelier; goodAgainstBad: likelier than others; balance: as likely as others',
      'good',
    ),
    /** Largest number of senses of words that an example selects. */
    count: option(kinds.fromOne, 'senses of words that each example selects', 10),
    /** lambda of the importance: what counts much in all texts is not selected. */
    background: option(
      kinds.notNegative,
      'factor of the weight in other texts, which is subtracted from the importance',
      1000,
    ),
    backgroundRows: option(kinds.fromOne, "rows of 'data' in which that weight is measured", 50),
    divergence: option(
      kinds.notNegative,
      "factor of the divergence from the original model on rows of 'data' in the loss",
      0.3,
    ),
    epochs: option(kinds.fromOne, "times that all examples are read, where 'steps' are not given", 10),
    tolerance: option(
      kinds.notNegative,
      'share by which the loss on other texts may grow: the last epoch that keeps below is the result',
      1e-4,
    ),
  },
  ['examples'],
);

export type SenseOptions = typeof SENSES extends Option<infer T> ? T : never;

/** Steps of an epoch; the last one has fewer examples where their number is no multiple. */
export const stepsPerEpoch = (
  { examples }: Pick<SenseOptions, 'examples'>,
  { batch, accumulate }: { readonly batch: number; readonly accumulate: number },
): number => Math.ceil(examples.length / (batch * accumulate));
