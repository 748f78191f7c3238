/** Rules by which the tensors of a new model get their first values. */
import { kinds, type Option, option } from '../../options/option.ts';
import { list, only, section, variants } from '../../options/section.ts';
import { modelConfig } from '../model-config.ts';

const RULE = {
  /** Names of tensors as in the checkpoint; `*` stands for any part. */
  tensors: option(kinds.texts, 'names of tensors as in the checkpoint, * for any part'),
  /** All values are multiplied by this. */
  scale: option(kinds.finite, 'all values are multiplied by this', 1),
};

/** Of several rules that name a tensor, the first counts. */
export const INITIALIZE_RULE = variants('values', [
  section({ ...RULE, values: only('normal'), std: option(kinds.notNegative, 'standard deviation') }, [
    'tensors',
    'values',
    'std',
  ]),
  section(
    {
      ...RULE,
      values: only('uniform'),
      from: option(kinds.finite, 'smallest value'),
      to: option(kinds.finite, 'largest value'),
    },
    ['tensors', 'values', 'from', 'to'],
  ),
  section({ ...RULE, values: only('constant'), value: option(kinds.finite, 'the value of all numbers') }, [
    'tensors',
    'values',
    'value',
  ]),
  /** U(-1 / sqrt(J), 1 / sqrt(J)), J: numbers of a row. torch's kaiming_uniform_ with a = sqrt(5), as nn.Linear and nn.Conv1d begin. */
  section({ ...RULE, values: only('uniformByFanIn') }, ['tensors', 'values']),
  /** The number at place n of each row is ln(n + 1). */
  section({ ...RULE, values: only('logOfPlace') }, ['tensors', 'values']),
  /** x with softplus(x) = dt, dt log-uniform between two step sizes: biases of Mamba's dt_proj. */
  section(
    {
      ...RULE,
      values: only('inverseSoftplus'),
      from: option(kinds.positive, 'smallest step size', 0.001),
      to: option(kinds.positive, 'largest step size', 0.1),
      floor: option(kinds.positive, 'no step size is below this', 1e-4),
    },
    ['tensors', 'values'],
  ),
]);

export type InitializeRule = typeof INITIALIZE_RULE extends Option<infer T> ? T : never;

/** How a new model begins. */
export const INITIALIZE = section(
  {
    /** config.json of the new model; default that of `model`. */
    config: option(modelConfig, 'config.json of the new model (default: that of model)'),
    rules: option(list(INITIALIZE_RULE), 'first values of all tensors; the first rule that names a tensor counts'),
  },
  ['rules'],
);

export type Initialize = typeof INITIALIZE extends Option<infer T> ? T : never;
