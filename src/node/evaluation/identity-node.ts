/** What answers depend on beside their requests: weights, what changes them, and options. */
import { type Model, partsOf } from '../../api/model.ts';
import type { AnswerOptions } from '../../evaluation/answer/options.ts';
import { interventionsKey } from '../../evaluation/answer/sharing.ts';
import { identityOf } from '../../runtime/model-identity.ts';

/** What a run is, by names for messages: two runs are the same when all of these are. */
export type RunIdentity = Readonly<Record<string, string>>;

/** The names of what is not the same. */
export const differences = (a: RunIdentity, b: RunIdentity): string[] =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => a[key] !== b[key]);

/** The weights, and what changes what is computed from them. */
export async function identityOfModel(
  model: Model,
  { adapter, interventions }: Pick<AnswerOptions, 'adapter' | 'interventions'>,
): Promise<RunIdentity> {
  const { opened, engine } = partsOf(model);
  const { weights, digest } = await identityOf(opened, engine.backend);
  const traces = adapter?.traces(0, 1) ?? [];
  return {
    'the model': digest,
    'the format of the weights': weights,
    'the format of keys and values': engine.pool.keyValues,
    'the adapter': traces.map(([key]) => key).join(),
    'the interventions': interventionsKey(engine, interventions),
  };
}

/** Those options of which answers depend that are plain values. */
export type PlainAnswerOptions = Pick<AnswerOptions, 'softmaxDtype' | 'maxLength' | 'rollingContext'>;

export const plainOptions = ({
  softmaxDtype = 'f32',
  maxLength,
  rollingContext,
}: AnswerOptions): PlainAnswerOptions => ({
  softmaxDtype,
  maxLength,
  rollingContext,
});
