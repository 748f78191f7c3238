/** Keys of a model's config.json inside of a training configuration. The family of the model checks them, not the schema. */
import * as v from 'valibot';
import { kind, type Option } from '../options/option.ts';

export const modelConfig = kind(
  'an object with keys of config.json',
  v.record(v.string(), v.unknown()) as unknown as Option<{ readonly [key: string]: unknown }>,
);
