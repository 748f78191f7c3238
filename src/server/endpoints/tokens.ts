/** /v1/tokenize and /v1/detokenize: texts to token ids and back. */
import * as v from 'valibot';
import { kind, kinds, option } from '../../options/option.ts';
import type { Call } from '../context.ts';
import { badRequest } from '../http/api-error.ts';
import { modelNamed, type NamedModel } from '../models/served-model.ts';
import { checkRequest } from '../requests/check-request.ts';
import { MODEL_PARAMETER } from '../requests/parameters.ts';

/** Nobody else is served while a text is taken apart: some tenths of a second. */
const MAX_CHARACTERS = 1_000_000;
const MAX_IDS = 250_000;

const text = kind<string>(
  `a text of at most ${MAX_CHARACTERS} characters`,
  v.pipe(v.string(), v.maxLength(MAX_CHARACTERS)),
);

const ids = kind<readonly number[]>(
  `a list of at most ${MAX_IDS} token ids`,
  v.pipe(v.array(v.pipe(v.number(), v.safeInteger(), v.minValue(0))), v.maxLength(MAX_IDS)),
);

export const TOKENIZE_FORM = {
  parameters: {
    ...MODEL_PARAMETER,
    prompt: option(text, 'the text'),
    add_special_tokens: option(kinds.flag, 'also what the tokenizer puts in front of a text', true),
  },
  required: ['model', 'prompt'] as const,
  unsupported: {},
};

export const DETOKENIZE_FORM = {
  parameters: {
    ...MODEL_PARAMETER,
    tokens: option(ids, 'token ids'),
    skip_special_tokens: option(kinds.flag, 'leave special tokens out', false),
  },
  required: ['model', 'tokens'] as const,
  unsupported: {},
};

export async function tokenize({ body, context, notes }: Call): Promise<Response> {
  const { model: name, prompt, add_special_tokens } = checkRequest(body, TOKENIZE_FORM);
  const named = modelNamed(context.models, name);
  const tokenizer = tokenizerOf(named);
  notes.model = named.id;
  const tokens = add_special_tokens
    ? named.model.encode(prompt)
    : tokenizer.encode(prompt, { addSpecialTokens: false });
  return Response.json({
    tokens,
    pieces: tokens.map((id) => tokenizer.piece(id)),
    count: tokens.length,
    max_model_len: named.model.facts.contextLength ?? null,
  });
}

export async function detokenize({ body, context, notes }: Call): Promise<Response> {
  const { model: name, tokens, skip_special_tokens } = checkRequest(body, DETOKENIZE_FORM);
  const named = modelNamed(context.models, name);
  notes.model = named.id;
  const { vocabSize } = named.model.facts;
  const unknown = tokens.find((id) => id >= vocabSize);
  if (unknown !== undefined)
    throw badRequest(`tokens has id ${unknown}, and the model has ${vocabSize} ids.`, 'tokens', 'invalid_value');
  return Response.json({ prompt: tokenizerOf(named).decode(tokens, { skipSpecialTokens: skip_special_tokens }) });
}

function tokenizerOf({ model, id }: NamedModel) {
  if (model.tokenizer) return model.tokenizer;
  throw badRequest(`${id} has no tokenizer: it takes token ids only.`, 'model', 'no_tokenizer');
}
