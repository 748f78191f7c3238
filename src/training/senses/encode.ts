/** Examples of sense fine-tuning as sequences of token ids. */
import { quote, UsageError } from '../../base/errors.ts';
import type { OpenedModel } from '../../loader/open.ts';
import type { SenseExample, SenseOptions } from './options.ts';

/** A prefix with one way to go on. */
export interface Continuation {
  /** What the model reads: all but the last id. */
  readonly ids: readonly number[];
  /** The id that follows each; -1 within the prefix. */
  readonly targets: readonly number[];
  /** Ids of the suffix. */
  readonly count: number;
}

/** One way to go on, or the two that a loss compares. */
export type EncodedExample = readonly [Continuation] | readonly [Continuation, Continuation];

/** Throws UsageError that names the example. */
export function encodeExamples(opened: OpenedModel, { examples, loss }: SenseOptions): EncodedExample[] {
  if (examples.length === 0) throw new UsageError("'senses.examples' is empty: nothing is left to train.");
  const comparesTwo = loss === 'goodAgainstBad' || loss === 'balance';
  return examples.map((example, i) => {
    const name = `senses.examples.${i}`;
    const { suffix, other } = example;
    const first = continuation(opened, example, suffix, name);
    if (!comparesTwo) {
      if (other !== undefined)
        throw new UsageError(`${name} has 'other', which the loss ${quote(loss)} does not read: leave it out.`);
      return [first];
    }
    if (other === undefined)
      throw new UsageError(`${name} has no 'other': the loss ${quote(loss)} compares it with the suffix.`);
    return [first, continuation(opened, example, other, name)];
  });
}

function continuation(
  { tokenizer, model }: OpenedModel,
  { prefix }: SenseExample,
  suffix: SenseExample['suffix'],
  name: string,
): Continuation {
  const encode = (part: string | readonly number[], addSpecialTokens: boolean): readonly number[] => {
    if (typeof part !== 'string') return part;
    if (!tokenizer) throw new UsageError(`${name} is a text, and the model has no tokenizer: give token ids.`);
    return tokenizer.encode(part, { addSpecialTokens });
  };
  const [before, after] = [encode(prefix, true), encode(suffix, false)];
  if (before.length === 0 || after.length === 0)
    throw new UsageError(`${name} has an empty prefix or suffix, wanted at least one token of each.`);
  const all = [...before, ...after];
  const { vocabSize, contextLength } = model.facts;
  const wrong = all.find((id) => id >= vocabSize);
  if (wrong !== undefined) throw new UsageError(`${name} has the id ${wrong}; the model has 0 to ${vocabSize - 1}.`);
  if (contextLength !== undefined && all.length - 1 > contextLength)
    throw new UsageError(`${name} has ${all.length - 1} tokens to read, and the model reads at most ${contextLength}.`);
  const targets = all.slice(1).map((id, t) => (t < before.length - 1 ? -1 : id));
  return { ids: all.slice(0, -1), targets, count: after.length };
}
