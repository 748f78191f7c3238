/** What follows from the definitions of options beside their checks: JSON Schema for a server's requests, and the help of the command line. */
import { toJsonSchema } from '@valibot/to-json-schema';
import { Command } from 'commander';
import type * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { generationFlags } from '../cli/generation.ts';
import { modelOptions } from '../cli/model-options.ts';
import { PROMPT_OPTIONS } from '../src/api/generation-call.ts';
import { SCORE_OPTIONS } from '../src/api/score.ts';
import { aboutOf, type Option, wantedOf } from '../src/options/option.ts';
import { SAMPLING_OPTIONS } from '../src/sampler/options.ts';

const json = (option: Option<unknown>) => toJsonSchema(option as unknown as v.GenericSchema, { errorMode: 'ignore' });

describe('JSON Schema', () => {
  test('has ranges, defaults and descriptions', () => {
    expect(json(PROMPT_OPTIONS.topP)).toMatchObject({
      type: 'number',
      minimum: 0,
      maximum: 1,
      title: 'a number from 0 to 1',
      description: aboutOf(PROMPT_OPTIONS.topP),
    });
    expect(json(PROMPT_OPTIONS.repetitionPenalty)).toMatchObject({ type: 'number', exclusiveMinimum: 0 });
    expect(json(SCORE_OPTIONS.alternatives)).toMatchObject({ type: 'integer', minimum: 0, default: 0 });
    expect(json(PROMPT_OPTIONS.stop)).toMatchObject({
      anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }],
      default: [],
    });
    expect(json(PROMPT_OPTIONS.badWordsIds)).toMatchObject({
      type: 'array',
      items: { type: 'array', minItems: 1, items: { type: 'integer', minimum: 0 } },
    });
  });

  test('is there for every option of the sampler, whose values are plain but for maps', () => {
    for (const [name, option] of Object.entries(SAMPLING_OPTIONS)) {
      const { title, type, anyOf } = json(option);
      expect(title, name).toBe(wantedOf(option));
      expect(type !== undefined || anyOf !== undefined, name).toBe(name !== 'logitBias');
    }
  });
});

test('the help of a flag is what the library says of its option, and which numbers it takes', () => {
  const command = generationFlags(modelOptions(new Command('run')));
  const helps = new Map(command.options.map((option) => [option.long, option.description]));
  expect(helps.get('--top-p')).toBe(`${aboutOf(PROMPT_OPTIONS.topP)} (a number from 0 to 1)`);
  expect(helps.get('--ignore-end')).toBe(aboutOf(PROMPT_OPTIONS.ignoreEnd));
  expect(helps.get('--max-new-tokens')).toMatch(/\(default: 128; a whole number from 0 on\)$/);
  for (const [flag, help] of helps) expect(help.length, flag).toBeGreaterThan(10);
});

test('values of flags go by the names of the options', () => {
  const command = generationFlags(modelOptions(new Command('run')));
  command.parse(['m', '--top-k', '5', '--memory', '2GB', '--stop', 'a', '--stop', 'b', '--ignore-tensors', 'x,y'], {
    from: 'user',
  });
  expect(command.opts()).toMatchObject({
    ...{ topK: 5, memoryBytes: 2e9, stop: ['a', 'b'], ignoreTensors: ['x', 'y'], weights: 'auto', keyValues: 'f32' },
  });
  expect(command.opts()).not.toHaveProperty('alternatives');
});
