/** The parameters of all endpoints that take a body, of which the OpenAPI file is made. */
import { CHAT_FORM } from './chat/form.ts';
import { COMPLETION_FORM } from './completions/form.ts';
import { CAPTURE_FORM } from './endpoints/capture.ts';
import { EMBEDDINGS_FORM } from './endpoints/embeddings.ts';
import { SCORE_FORM } from './endpoints/score.ts';
import { DETOKENIZE_FORM, TOKENIZE_FORM } from './endpoints/tokens.ts';

export const FORMS = {
  '/v1/completions': { about: 'Continues texts, or gives back their log-probabilities.', form: COMPLETION_FORM },
  '/v1/chat/completions': { about: 'The next message of a conversation.', form: CHAT_FORM },
  '/v1/score': { about: 'The log-probability of every token of texts.', form: SCORE_FORM },
  '/v1/embeddings': { about: 'Vectors of texts.', form: EMBEDDINGS_FORM },
  '/v1/tokenize': { about: 'A text to token ids.', form: TOKENIZE_FORM },
  '/v1/detokenize': { about: 'Token ids to a text.', form: DETOKENIZE_FORM },
  '/v1/capture': { about: 'Values from inside of a model, as safetensors.', form: CAPTURE_FORM },
};
