/** Reads the YAML of task files as PyYAML does (YAML 1.1, and `!function`). */
import { parseDocument, type ScalarTag } from 'yaml';
import { UsageError } from '../../base/errors.ts';
import type { NamedFunction } from './task-config.ts';
import { floatOf, plainNumber, WholeFloat } from './whole-float.ts';

/** PyYAML knows these words, but not the letters y and n alone. */
const BOOLEANS: readonly ScalarTag[] = [
  {
    identify: (value) => value === true,
    default: true,
    tag: 'tag:yaml.org,2002:bool',
    test: /^(?:[Yy]es|YES|[Tt]rue|TRUE|[Oo]n|ON)$/,
    resolve: () => true,
  },
  {
    identify: (value) => value === false,
    default: true,
    tag: 'tag:yaml.org,2002:bool',
    test: /^(?:[Nn]o|NO|[Ff]alse|FALSE|[Oo]ff|OFF)$/,
    resolve: () => false,
  },
];

/** PyYAML wants digits in a number with a point (a point alone is a text), and a sign in its exponent. */
const FLOAT: ScalarTag = {
  identify: (value) => typeof value === 'number',
  default: true,
  tag: 'tag:yaml.org,2002:float',
  test: /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+][0-9]+)?$/,
  resolve: (digits) => floatOf(Number.parseFloat(digits.replaceAll('_', ''))),
};

/** Keys below which texts are made of numbers, so that it matters whether one is written as 1 or 1.0. */
const TOLD = new Set(['metadata', 'samples']);

/** Numbers elsewhere are options. */
function withNumbers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withNumbers);
  if (typeof value !== 'object' || value === null || value instanceof WholeFloat) return plainNumber(value);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, TOLD.has(key) ? one : withNumbers(one)]));
}

/** Numbers of `yaml` that PyYAML takes for texts; those in sixties, and the words for what is no number, are alike. */
const isOtherFloat = (tag: unknown): boolean => {
  const {
    tag: name,
    format,
    test,
  } = tag as { readonly tag?: string; readonly format?: string; readonly test?: RegExp };
  return name === 'tag:yaml.org,2002:float' && format !== 'TIME' && !test?.test('.nan');
};

const FUNCTION: ScalarTag = {
  tag: '!function',
  resolve: (name): NamedFunction => ({ function: name.trim() }),
};

/** Throws UsageError with the place of the first mistake. `file`: for the message. */
export function parseTaskYaml(text: string, file: string): Readonly<Record<string, unknown>> {
  const document = parseDocument(text, {
    version: '1.1',
    customTags: (tags) => [
      ...BOOLEANS,
      FLOAT,
      ...tags.filter((tag) => typeof tag === 'string' || (tag.tag !== 'tag:yaml.org,2002:bool' && !isOtherFloat(tag))),
      FUNCTION,
    ],
  });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) throw new UsageError(`${file} cannot be read as YAML: ${problem.message}`);
  const value: unknown = document.toJS({ maxAliasCount: 1000 });
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UsageError(`${file} is no task: wanted keys such as 'task' and 'dataset_path'.`);
  return withNumbers(value) as Record<string, unknown>;
}
