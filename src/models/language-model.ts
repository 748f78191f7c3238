/** Completes a model with what its part has declared and its trunk implies. */
import type { LanguageModel } from './model.ts';
import type { Part } from './part.ts';
import { LOGITS } from './sites.ts';

type Given = Pick<LanguageModel, 'facts' | 'residualStream' | 'senses' | 'trunk' | 'logits'>;

/** `part`: the one in which the whole model has declared its sites, state and parameters. */
export const languageModel = (part: Part, given: Given): LanguageModel => ({
  ...given,
  sites: [...part.sites, LOGITS],
  parameters: part.parameters,
  stateLayout: part.state,
  forward(pass) {
    const { output, read } = given.trunk(pass);
    return read(output);
  },
});
