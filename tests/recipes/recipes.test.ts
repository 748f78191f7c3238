/** The recipes: complete, with a source for each number, for models of the published sizes. */
import { describe, expect, it } from 'vitest';
import { size } from '../../src/base/tensor.ts';
import { declareModel } from '../../src/loader/declare.ts';
import { recipeNamed, recipes } from '../../src/recipes/index.ts';
import { trainingConfig } from '../../src/training/config.ts';
import { initialValues } from '../../src/training/initialize/values.ts';
import { parameterGroups } from '../../src/training/parameter-groups.ts';
import { stageAt, stagesOf, tokensBefore } from '../../src/training/schedules/stages.ts';

const PARAMETERS: Readonly<Record<string, number>> = {
  'backpack-gpt2': 170_083_584,
  'levanter-backpack-1b': 1_351_743_936,
  'llama3-8b-1.58': 8_030_261_248,
  'mamba-7b-rw': 6_946_557_952,
  'granite-3.1-moe': 1_334_625_280,
};

/** Paths of all values of a configuration; lists of objects have numbers. */
function pathsOf(value: unknown, path = ''): string[] {
  const below = (key: string) => (path === '' ? key : `${path}.${key}`);
  if (Array.isArray(value) && typeof value[0] === 'object')
    return value.flatMap((one, i) => pathsOf(one, `${path}[${i}]`));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [path];
  return Object.entries(value).flatMap(([key, one]) => pathsOf(one, below(key)));
}

const covers = (key: string, path: string) => path === key || path.startsWith(`${key}.`) || path.startsWith(`${key}[`);

const parametersOf = (model: (typeof recipes)[number]['model']) =>
  declareModel(model).tensors.reduce((sum, { shape }) => sum + size(shape), 0);

describe('a recipe', () => {
  it('is found by its name', () => {
    expect(recipeNamed('mamba-7b-rw').card).toBe('TRI-ML/mamba-7b-rw');
    expect(() => recipeNamed('mamba-7b')).toThrow(
      "there is no recipe 'mamba-7b'; did you mean 'mamba-7b-rw'? The recipes are ",
    );
    expect(new Set(recipes.map(({ name }) => name)).size).toBe(10);
  });

  it.each(recipes)('has a valid configuration: $name', ({ config, model }) => {
    const checked = trainingConfig(config);
    const { tensors } = declareModel(model);
    const names = tensors.map(({ name }) => name);
    expect(() => parameterGroups(tensors, checked.optimizer, names)).not.toThrow();
    if (checked.initialize) {
      expect(checked.initialize.config).toEqual(model);
      expect(() => initialValues(checked.initialize?.rules ?? [], 0, tensors)).not.toThrow();
    }
  });

  it.each(recipes)('has a source for each number, and none for what is not there: $name', ({ config, sources }) => {
    const paths = pathsOf(config);
    const keys = sources.flatMap(({ keys }) => keys);
    expect(paths.filter((path) => !keys.some((key) => covers(key, path)))).toEqual([]);
    expect(keys.filter((key) => !paths.some((path) => covers(key, path)))).toEqual([]);
  });

  it.each(Object.entries(PARAMETERS))('is for a model of the published size: %s', (name, parameters) => {
    expect(parametersOf(recipeNamed(name).model)).toBe(parameters);
  });

  it.each(recipes.filter(({ name }) => name.endsWith('-tiny')))('fits into 10 MB: $name', ({ model }) => {
    const parameters = parametersOf(model);
    expect(parameters).toBeGreaterThan(1e6);
    expect(parameters * (model.model_type === 'mamba' ? 4 : 2)).toBeLessThan(name(model) === 'llama' ? 14e6 : 10e6);
  });
});

/** The family's type: ternary layers take an eighth of two bytes in the finished model. */
const name = (model: (typeof recipes)[number]['model']) => model.model_type;

describe('learning rates of the recipes', () => {
  const stages = (recipe: string) => {
    const config = trainingConfig(recipeNamed(recipe).config);
    const { sequence } = config.data as { sequence: number };
    return stagesOf({ ...config, ...config.optimizer, sequence });
  };
  const rate = (recipe: string, step: number) => {
    const all = stages(recipe);
    return stageAt(all, step).rate(step);
  };

  it('are those of the cards', () => {
    expect(rate('mamba-7b-rw', 100_000)).toBeCloseTo(2.793722848e-4, 13);
    expect(rate('backpack-gpt2', 5000)).toBe(6e-4);
    expect(rate('backpack-gpt2', 0)).toBe(0);
    expect(rate('levanter-backpack-1b', 449_999)).toBeLessThan(1e-12);
    expect(rate('llama3-8b-1.58', 5000 + 500)).toBe(1e-5);
    expect(tokensBefore(stages('mamba-7b-rw'), Number.POSITIVE_INFINITY) / 1.2e12).toBeCloseTo(1, 4);
    expect(tokensBefore(stages('backpack-gpt2'), 100_000)).toBe(52_428_800_000);
  });

  it('of Granite join where stages meet, and its context grows to 131072 with a base of 1.5e6', () => {
    const all = stages('granite-3.1-moe');
    const [first, second] = all as [(typeof all)[0], (typeof all)[0]];
    expect(first.rate(2500)).toBe(0.02);
    expect(second.rate(second.first) / first.rate(second.first - 1)).toBeCloseTo(1, 5);
    expect(all.at(-1)).toMatchObject({
      sequence: 131072,
      config: { rope_theta: 1_500_000, max_position_embeddings: 131072 },
    });
    for (const { sequence, batch, accumulate } of all) expect(sequence * batch * accumulate).toBe(4_194_304);
    expect(tokensBefore(all, Number.POSITIVE_INFINITY) / 10.5e12).toBeCloseTo(1, 5);
  });
});
