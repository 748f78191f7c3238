/** The JSON Schema in the package is what the checks take. `vitest run tests/interventions/schema.test.ts -u` writes it anew. */
import { readFileSync } from 'node:fs';
import { toJsonSchema } from '@valibot/to-json-schema';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type * as v from 'valibot';
import { expect, it } from 'vitest';
import { checkShape, schemaVariants } from '../../src/interventions/schema.ts';
import type { Option } from '../../src/options/option.ts';

const plain = (option: Option<unknown>) => {
  const {
    $schema: _,
    title,
    description,
    ...rest
  } = toJsonSchema(option as unknown as v.GenericSchema, { ignoreActions: ['finite'] }); // JSON has no other numbers
  return { ...rest, description: description ?? title };
};

const schema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Interventions of Portmanteau',
  description: 'Changes inside of a language model while it reads and writes. docs/insides.md explains them.',
  type: 'object',
  required: ['version', 'interventions'],
  additionalProperties: false,
  properties: {
    $schema: { type: 'string' },
    version: { const: 1 },
    vectors: { type: 'string', minLength: 1, description: 'name of a safetensors file beside this one' },
    interventions: {
      type: 'array',
      description: 'in the order of their effect',
      items: {
        anyOf: schemaVariants().map(({ subject, action, required, properties }) => ({
          title: `${subject}: ${action}`,
          type: 'object',
          required,
          additionalProperties: false,
          properties: Object.fromEntries(Object.entries(properties).map(([name, option]) => [name, plain(option)])),
        })),
      },
    },
  },
};

/** The examples of every kind. */
const good = [
  { site: 'blocks.3.residPost', add: [0.1, -0.2], by: 4 },
  { site: 'blocks.*.mlpOut', scale: 0, positions: { from: 2, to: 5 } },
  { site: 'blocks.1.z', set: { vector: 'mean.blocks.1.z' }, heads: [0, 3], tokens: [464] },
  { site: 'hidden', project: { vector: 'direction' }, by: 1, from: 0, to: 10 },
  { senses: { token: 7372, sense: 10 }, scale: 0 },
  { senses: { token: 7372 }, set: { vector: 'macbook.senses' } },
  { senses: { sense: 12 }, scale: 1.5, positions: [4] },
  { experts: [0, 7], layers: [2], disable: true },
  { experts: [5], bias: 2 },
  { experts: [5], force: true },
  { state: 'blocks.4.ssmState', scale: 0.5, at: 12 },
  { state: 'blocks.4.ssmState', reset: true, at: 0 },
];

const bad = [
  { site: 'hidden' },
  { site: 'hidden', scale: 0, add: [1] },
  { site: 'hidden', scale: '0' },
  { site: 'hidden', scale: 0, positions: [0.5] },
  { site: 'hidden', scale: 0, heads: [] },
  { senses: { words: 1 }, scale: 0 },
  { experts: [0], disable: false },
  { state: 'x', reset: true },
  { scale: 0 },
];

it('lies in the package', async () => {
  await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot('../../schemas/interventions.schema.json');
});

it('takes and refuses what the checks take and refuse', () => {
  const file = readFileSync(new URL('../../schemas/interventions.schema.json', import.meta.url), 'utf8');
  const holds = new Ajv2020().compile(JSON.parse(file) as object);
  for (const one of good) {
    expect(holds({ version: 1, interventions: [one] }), JSON.stringify(one)).toBe(true);
    expect(checkShape(one, 'it')).toBe(one);
  }
  for (const one of bad) {
    expect(holds({ version: 1, interventions: [one] }), JSON.stringify(one)).toBe(false);
    expect(() => checkShape(one, 'it'), JSON.stringify(one)).toThrow();
  }
});
