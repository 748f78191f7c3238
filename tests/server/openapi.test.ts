/** schemas/openapi.json says what the definitions of the requests say. To write it anew: UPDATE_SCHEMAS=1 npx vitest run tests/server/openapi */
import { readFileSync, writeFileSync } from 'node:fs';
import { toJsonSchema } from '@valibot/to-json-schema';
import type * as v from 'valibot';
import { expect, test } from 'vitest';
import type { Definitions } from '../../src/options/option.ts';
import { FORMS } from '../../src/server/forms.ts';
import { served } from './served.ts';

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

const answer = (description: string, type = 'application/json') => ({
  200: { description, content: { [type]: {} } },
  '4XX': ERROR,
  '5XX': ERROR,
});
const parameter = (name: string, place: 'path' | 'query', description: string) => ({
  ...{ name, in: place, description, required: true },
  schema: { type: 'string' },
});

/** What takes no content. */
const OTHERS = {
  '/v1/models': {
    get: { operationId: 'models', summary: 'The models and their other names.', responses: answer('A list.') },
  },
  '/v1/models/{name}': {
    get: {
      ...{ operationId: 'model', summary: 'A model.', parameters: [parameter('name', 'path', 'a name of it')] },
      responses: answer('What is known of it.'),
    },
  },
  '/v1/sessions': {
    get: { operationId: 'sessions', summary: 'The sessions in memory.', responses: answer('A list.') },
  },
  '/v1/sessions/{name}': {
    delete: {
      ...{ operationId: 'forget-session', summary: 'Forgets a session.' },
      parameters: [parameter('name', 'path', 'its name'), parameter('model', 'query', 'its model')],
      responses: answer('It is forgotten.'),
    },
  },
  '/health': {
    get: {
      ...{ operationId: 'health', summary: 'loading, ready or draining.', security: [] },
      responses: {
        200: { description: 'All models are ready.' },
        503: { description: 'They are loading, or the server is draining.' },
      },
    },
  },
  '/metrics': {
    get: { operationId: 'metrics', summary: 'Numbers for Prometheus.', responses: answer('Its text.', 'text/plain') },
  },
};

/** Answers that are no JSON. */
const TYPES: Readonly<Record<string, string>> = { '/v1/capture': 'application/octet-stream' };

const streams = (form: Form) => 'stream' in form.parameters;

const document = {
  openapi: '3.1.0',
  info: { title: 'portmanteau serve', version: '1', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
  security: [{ key: [] }],
  paths: {
    ...Object.fromEntries(
      Object.entries(FORMS).map(([path, { about, form }]) => [
        path,
        {
          post: {
            operationId: path.replace('/v1/', '').replaceAll('/', '-'),
            summary: about,
            requestBody: { required: true, content: { 'application/json': { schema: schemaOf(form as Form) } } },
            responses: {
              ...answer('The answer.', TYPES[path]),
              ...(streams(form as Form)
                ? {
                    200: {
                      description: 'The answer; with stream, events of the same form in parts.',
                      content: { 'application/json': {}, 'text/event-stream': {} },
                    },
                  }
                : {}),
            },
          },
        },
      ]),
    ),
    ...OTHERS,
  },
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

test('it has every path that the server answers, and no other', async () => {
  const { handler } = await served('granite-tiny', { capture: true });
  for (const [path, methods] of Object.entries(document.paths))
    for (const method of ['GET', 'POST', 'DELETE']) {
      const address = `http://server${path.replace('{name}', 'granite-tiny')}`;
      const { status } = await handler.fetch(new Request(address, { method }));
      const known = Object.keys(methods).includes(method.toLowerCase());
      if (known) expect([200, 400, 404, 415, 501], `${method} ${path}`).toContain(status);
      else expect([404, 405], `${method} ${path}`).toContain(status);
    }
});

test('parameters that are lists or objects say of what', () => {
  for (const { form } of Object.values(FORMS))
    for (const [name, type] of Object.entries(form.parameters)) {
      const schema = json(type);
      const said = ['type', 'anyOf', 'oneOf', 'const', 'enum'].some((keyword) => keyword in schema);
      expect(said, name).toBe(true);
    }
});
