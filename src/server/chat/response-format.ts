/** The form of an answer, as a mask of the tokens that may come next. */
import { UsageError } from '../../base/errors.ts';
import type { TokenMask } from '../../sampler/mask.ts';
import { jsonMask, jsonSchemaMask } from '../../structured/masks.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import { badRequest } from '../http/api-error.ts';
import type { ResponseFormat } from './form.ts';

/** Undefined for plain text. Throws ApiError on a schema that is wrong, or has what is not supported. */
export function maskOf(tokenizer: Tokenizer | undefined, format: ResponseFormat | undefined): TokenMask | undefined {
  if (format === undefined || format.type === 'text') return undefined;
  try {
    if (format.type === 'json_object') return jsonMask(tokenizer);
    return jsonSchemaMask(tokenizer, format.json_schema.schema ?? true);
  } catch (error) {
    if (error instanceof UsageError) throw badRequest(error.message, 'response_format', 'invalid_value');
    throw error;
  }
}
