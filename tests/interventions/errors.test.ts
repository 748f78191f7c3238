/** Interventions that do not fit are told before any weights are read: what came, what was wanted, what there is. */
import { beforeAll, describe, expect, it } from 'vitest';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { compile } from '../../src/interventions/compile.ts';
import { parseFile } from '../../src/interventions/file.ts';
import { type OpenedModel, openModel } from '../../src/loader/open.ts';
import { targetOf } from '../../src/runtime/site-shapes.ts';
import { readGolden } from '../goldens.ts';

const opened = new Map<string, OpenedModel>();
const NAMES = { backpack: 'backpack-hub', granite: 'granite-moe-10', mamba: 'mamba-odd', dense: 'llama-grouped' };

beforeAll(async () => {
  for (const [short, name] of Object.entries(NAMES))
    opened.set(short, await openModel(localFolder((await readGolden(name)).folder)));
  return async () => {
    for (const { checkpoint } of opened.values()) await checkpoint.close();
  };
});

const told = (model: keyof typeof NAMES, ...list: unknown[]): string => {
  try {
    compile(list as never, targetOf((opened.get(model) as OpenedModel).model));
    return '';
  } catch (error) {
    expect((error as Error).name).toBe('UsageError');
    return (error as Error).message;
  }
};

describe('interventions', () => {
  it.each([
    ['no object', 'dense', 3, /intervention 1 came as 3, wanted an object/],
    [
      'nothing to change',
      'dense',
      { sites: 'hidden', scale: 0 },
      /has 'sites', 'scale', wanted exactly one of 'site', 'senses'/,
    ],
    ['two things to change', 'dense', { site: 'hidden', state: 'x', scale: 0 }, /wanted exactly one of/],
    ['no action', 'dense', { site: 'hidden' }, /has no change, wanted exactly one of 'add', 'scale', 'set', 'project'/],
    [
      'a misspelt action',
      'dense',
      { site: 'hidden', scle: 0 },
      /has no change and an unknown key 'scle' \(did you mean 'scale'\?\), wanted exactly one of/,
    ],
    ['two actions', 'dense', { site: 'hidden', scale: 0, add: [1] }, /says 'add', 'scale', wanted exactly one/],
    [
      'a misspelt key',
      'dense',
      { site: 'hidden', scale: 0, position: [1] },
      /no option 'position'; did you mean 'positions'\?/,
    ],
    ['a bad value', 'dense', { site: 'hidden', scale: 'big' }, /scale came as "big", wanted a finite number/],
    ['NaN', 'dense', { site: 'hidden', scale: Number.NaN }, /scale came as NaN/],
    [
      'a bad vector',
      'dense',
      { site: 'hidden', add: ['a'] },
      /add came as \["a"\], wanted a list of numbers, or \{ "vector"/,
    ],
    [
      'an unknown site',
      'dense',
      { site: 'blocks.0.residpost', scale: 0 },
      /no site is called .*did you mean 'blocks\.\*\.residPost'.*This model has: embed/,
    ],
    [
      'a vector of the wrong size',
      'dense',
      { site: 'hidden', add: [1, 2] },
      /its vector has 2 numbers \[2\], wanted \d+ for 'hidden'/,
    ],
    [
      'a vector that is not there',
      'dense',
      { site: 'hidden', add: { vector: 'x' } },
      /names the vector "x".*no vectors came/,
    ],
    ['no such head', 'dense', { site: 'blocks.0.z', scale: 0, heads: [99] }, /has no head 99: it has \d+, from 0/],
    ['no heads at all', 'dense', { site: 'hidden', scale: 0, heads: [0] }, /has no axis of heads/],
    ['no such channel', 'dense', { site: 'hidden', scale: 0, channels: [1e6] }, /has no channel 1000000/],
    ['no such token', 'dense', { site: 'hidden', scale: 0, tokens: [1e6] }, /token 1000000 does not exist/],
    [
      'nowhere',
      'dense',
      { site: 'hidden', scale: 0, positions: { from: 3, to: 3 } },
      /the end is exclusive: that is none/,
    ],
    ['never', 'dense', { site: 'hidden', scale: 0, from: 3, to: 2 }, /from 3 to 2, and the end is exclusive: nowhere/],
    [
      'a direction of no length',
      'dense',
      { site: 'hidden', project: new Float32Array(28) },
      /wanted|direction to project away is zero/,
    ],
    ['a pattern', 'dense', { site: 'blocks.0.pattern', scale: 0 }, /can only be set.*scale its 'z' by 0/],
    ['senses of a model without', 'dense', { senses: { sense: 0 }, scale: 0 }, /has none \(no site 'senses'\)/],
    [
      'experts of a model without',
      'dense',
      { experts: [0], disable: true },
      /has none \(no site 'blocks\.\*\.routerLogits'\)/,
    ],
    ['a state of a model without', 'dense', { state: '*', at: 0, reset: true }, /has none: it keeps keys and values/],
    ['no such sense', 'backpack', { senses: { sense: 99 }, scale: 0 }, /there is no sense 99: this model has \d+/],
    ['no such word', 'backpack', { senses: { token: 1e7 }, scale: 0 }, /token 10000000 does not exist/],
    [
      'senses for a part of a generation',
      'backpack',
      { senses: { token: 1 }, set: { vector: 'v' }, from: 1 },
      /leave 'from' and 'to' out, or use 'scale'/,
    ],
    ['no such expert', 'granite', { experts: [99], disable: true }, /there is no expert 99: each layer has \d+/],
    ['no such layer', 'granite', { experts: [0], layers: [77], disable: true }, /layer 77 has no experts/],
    [
      'too many experts away',
      'granite',
      { experts: Array.from({ length: 10 }, (_, i) => i), disable: true },
      /disables 10 of 10 experts.*disable at most/,
    ],
    ['disable: false', 'granite', { experts: [0], disable: false }, /disable came as false, wanted true/],
    ...[-1, 10, 1e9, 0.5].map((id): [string, 'granite', object, RegExp] => [
      `expert ${id} chosen`,
      'granite',
      { site: 'blocks.0.expertIds', set: [0, id] },
      /'blocks.0.expertIds' came with .*, wanted whole numbers from 0 to 9/,
    ]),
    ['integers', 'granite', { site: 'blocks.0.expertIds', scale: 2 }, /whole numbers and can only be set/],
    ['a state without a position', 'mamba', { state: 'blocks.0.ssmState', reset: true }, /has no 'at'/],
    [
      'no such state',
      'mamba',
      { state: 'blocks.0.state', at: 0, reset: true },
      /no recurrent state is called.*ssmState/,
    ],
    [
      'a state of the wrong size',
      'mamba',
      { state: 'blocks.0.ssmState', at: 0, set: [1] },
      /has 1 numbers \[1\], wanted/,
    ],
    ['a state as a site', 'mamba', { site: 'blocks.0.ssmState', scale: 0 }, /Change it as \{ "state"/],
  ] as const)('%s', (_, model, one, message) => {
    expect(told(model, one)).toMatch(message);
  });

  it('say which one of the list is meant', () => {
    expect(told('dense', { site: 'hidden', scale: 1 }, { site: 'nothing', scale: 1 })).toMatch(/^intervention 2: /);
  });
});

describe('a file of interventions', () => {
  it.each([
    ['no JSON', '{', /f\.json is no JSON/],
    ['no list', '{"interventions": 3}', /wanted \{ "version": 1/],
    ['null', 'null', /wanted \{ "version": 1/],
    ['another version', '{"version": 2, "interventions": []}', /has version 2; this release understands version 1/],
    ['an unknown key', '{"intervention": [], "interventions": []}', /has a key "intervention"/],
    ['vectors that are no name', '{"vectors": 3, "interventions": []}', /wanted the name of a safetensors file/],
  ])('%s', (_, text, message) => {
    expect(() => parseFile(text, 'f.json')).toThrow(message);
  });

  it('may be a list alone', () => {
    expect(parseFile('[{"site": "hidden", "scale": 0}]', 'f.json').interventions).toHaveLength(1);
  });
});
