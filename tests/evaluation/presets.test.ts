/** Presets name tasks and metrics that there are. */
import { expect, it } from 'vitest';
import { catalogueOf } from '../../src/evaluation/tasks/open-tasks-node.ts';
import { presetNamed, presets } from '../../src/recipes/cards/presets.ts';

it.each(presets.map(({ name }) => name))(
  '%s: its tasks are known, and so are those of its published numbers',
  async (name) => {
    const preset = presetNamed(name);
    const catalogue = await catalogueOf({ group: preset });
    expect(catalogue.resolve([name]).groups.at(-1)?.name).toBe(name);
    // Some numbers are of tasks that need files of the user's, which a preset does not evaluate by itself.
    const extra = name === 'backpack-gpt2' ? ['word_similarity'] : [];
    const { tasks, groups } = catalogue.resolve([name, ...extra]);
    const known = [...tasks.keys(), ...groups.map((group) => group.name)];
    for (const { numbers } of preset.published)
      for (const { task, metric, value } of numbers) {
        expect(known).toContain(task);
        const [measured = '', filter] = metric.split(',');
        const config = tasks.get(task)?.config;
        if (config?.metric_list && !config.process_results)
          expect(config.metric_list.map((one) => one.metric)).toContain(measured);
        if (filter !== 'none') expect(config?.filter_list?.map((one) => one.name)).toContain(filter);
        expect(value).toBeGreaterThan(0);
      }
  },
);

it('an unknown one is an error that names all', () => {
  expect(() => presetNamed('mamba-7b')).toThrow(/did you mean 'mamba-7b-rw'\?.*backpack-gpt2/);
});
