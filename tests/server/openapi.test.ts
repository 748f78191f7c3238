/** schemas/openapi.json says what the definitions of the requests say. To write it anew: UPDATE_SCHEMAS=1 npx vitest run tests/server/openapi */
import { readFileSync, writeFileSync } from 'node:fs';
import { toJsonSchema } from '@valibot/to-json-schema';
import type * as v from 'valibot';
import { expect, test } from 'vitest';
import type { Definitions } from '../../src/options/option.ts';
import { FORMS } from '../../src/server/forms.ts';

interface Form {
  readonly parameters: Definitions;
  readonly required: readonly string[];
}

const json = (type: unknown) => {
  const { $schema: _, ...schema } = toJsonSchema(type as v.GenericSchema, { errorMode: 'ignore' });
  return schema;
};

const schemaOf = ({ parameters, required }: Form) => ({
  type: 'object',
  properties: Object.fromEntries(Object.entries(parameters).map(([name, type]) => [name, json(type)])),
  required,
  additionalProperties: false,
});

const ERROR = {
  description: 'An error, with the name of the parameter.',
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
};

const document = {
  openapi: '3.1.0',
  info: { title: 'portmanteau serve', version: '1', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
  security: [{ key: [] }],
  paths: Object.fromEntries(
    Object.entries(FORMS).map(([path, { about, form }]) => [
      path,
      {
        post: {
          operationId: path.replace('/v1/', '').replaceAll('/', '-'),
          summary: about,
          requestBody: { required: true, content: { 'application/json': { schema: schemaOf(form as Form) } } },
          responses: {
            200: { description: 'The answer; with stream, events of the same form in parts.' },
            '4XX': ERROR,
            '5XX': ERROR,
          },
        },
      },
    ]),
  ),
  components: {
    securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
    schemas: {
      Error: {
        type: 'object',
        required: ['error'],
        properties: {
          error: {
            type: 'object',
            required: ['message', 'type', 'param', 'code'],
            properties: {
              message: { type: 'string' },
              type: { type: 'string' },
              param: { type: ['string', 'null'] },
              code: { type: ['string', 'null'] },
            },
          },
        },
      },
    },
  },
};

test('the OpenAPI file follows from the definitions', () => {
  const file = new URL('../../schemas/openapi.json', import.meta.url);
  const text = `${JSON.stringify(document, undefined, 2)}\n`;
  if (process.env.UPDATE_SCHEMAS) writeFileSync(file, text);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(text));
});
