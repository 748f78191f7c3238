/** What the analyses of senses need, of a loaded model. */
import type { SenseSource } from '../analysis/senses/source.ts';
import type { Subject } from '../analysis/subject.ts';
import { UsageError } from '../base/errors.ts';
import type { LanguageModel } from '../models/model.ts';
import type { Engine } from '../runtime/engine.ts';

/** Throws UsageError where tokens have no senses, before or after the weights are loaded. */
export function checkHasSenses(model: LanguageModel): asserts model is LanguageModel & { readonly senses: object } {
  if (!model.senses)
    throw new UsageError("this model has no senses: its tokens have one vector each, and there is no site 'senses'.");
}

/** Throws UsageError where tokens have no senses. */
export function senseSource(subject: Subject, engine: Engine): SenseSource {
  const { model } = engine;
  checkHasSenses(model);
  const { count, scale, vectors, directions } = model.senses;
  return {
    facts: subject.facts,
    tokenizer: subject.tokenizer,
    senseCount: count,
    senseScale: scale,
    encode: (prompt) => subject.encode(prompt),
    capture: (prompt, options) => subject.capture(prompt, options),
    unembed: (hidden, visit, options) => subject.unembed(hidden, visit, options),
    senseVectors: (ids) => engine.ofIds(ids, vectors),
    headRows: (ids) => engine.ofIds(ids, directions),
  };
}
