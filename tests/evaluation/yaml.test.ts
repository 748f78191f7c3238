/** Task files are read as PyYAML reads them: what of YAML 1.1 is a number there, and what a text. */
import { expect, it } from 'vitest';
import { parseTaskYaml } from '../../src/evaluation/tasks/yaml.ts';

it.each([
  ['.', '.'],
  ['e5', 'e5'],
  ['1e5', '1e5'],
  ['-.5', '-.5'],
  ['.5', 0.5],
  ['-1.', -1],
  ['1.0e+3', 1000],
  ['1_0.5', 10.5],
  ['.nan', Number.NaN],
  ['y', 'y'],
  ['yes', true],
  ['[., "."]', ['.', '.']],
])('%s', (text, value) => {
  expect(parseTaskYaml(`key: ${text}`, 'file')).toEqual({ key: value });
});
