/** The tables of `train --dry-run`. */
import { describe, expect, it } from 'vitest';
import { planText } from '../../cli/train/dry-run.ts';
import { planOf, recipeNamed, trainingConfig } from '../../src/node.ts';

function textOf(name: string): string {
  const recipe = recipeNamed(name);
  const { config, model, hardware } = recipe;
  const plan = planOf(trainingConfig(config), { model, hardware, flopsPerSecond: 50e9 });
  return planText(name, plan, recipe);
}

/** The lines under a title. */
const sectionOf = (text: string, title: string) =>
  text.split('\n\n').find((section) => section.startsWith(`${title}\n`));

describe('the dry run', () => {
  const text = textOf('levanter-backpack-1b');

  it('says how long the run is and what it costs', () => {
    expect(sectionOf(text, 'levanter-backpack-1b')).toBe(
      [
        'levanter-backpack-1b',
        '  family      backpack',
        '  parameters  1,351,743,936, of which 1,351,743,936 are trained',
        '  steps       450,000',
        '  tokens      235,929,600,000 (236 billion), 174.5 for each parameter',
        '  a step      4 x 256 sequences of 512: 524,288 tokens',
      ].join('\n'),
    );
    expect(sectionOf(text, 'operations')).toContain('products with weights  1.91e21 FLOP  8.1 billion a token');
    expect(sectionOf(text, 'memory')).toMatch(
      /weights +5\.41 GB\n.*copies.* 2\.7 GB\n.*gradients +5\.41 GB\n.*optimiser +10\.8 GB/,
    );
    expect(sectionOf(text, 'time')).toMatch(/on this machine +about 1,660 years/);
    expect(sectionOf(text, 'time')).toContain('on 128 TPU v3 core  8.6 days');
  });

  it('shows the learning rate where it turns', () => {
    expect(sectionOf(text, 'learning rate')?.split('\n').slice(0, 4)).toEqual([
      'learning rate',
      '  step     tokens before  rate',
      '  0        0              0',
      '  5,000    2.62 billion   0.0001000',
    ]);
  });

  it('names sources, and where they contradict each other', () => {
    expect(sectionOf(text, 'sources (stanford-crfm/levanter-backpack-1b)')).toMatch(
      /steps, optimizer\.lr, schedule\.warmup +published +the model card/,
    );
    expect(sectionOf(text, 'where sources contradict each other')).toContain('Peak rate: 1e-4 on the card');
  });

  it('has a table of stages and of groups where there are several', () => {
    const staged = textOf('granite-3.1-moe-tiny');
    expect(sectionOf(staged, 'stages')).toMatch(
      /3 +500 +512 +8 x 1 +4,096 +rope_theta 20000, max_position_embeddings 512/,
    );
    expect(sectionOf(staged, 'parameters')).toMatch(/x 0\.5 +0\.1 +42 +4,137,984/);
    expect(sectionOf(staged, 'time')).toMatch(/^time\n {2}on this machine {2}about [\d.]+ (min|h|days), as fast as/);
  });
});
