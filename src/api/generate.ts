/** The generation loop of model, sampler and tokenizer: one token per round for every open sequence. */
import { bothTraces } from '../interventions/provenance.ts';
import type { Engine, Request } from '../runtime/engine.ts';
import { Reader } from '../runtime/reader.ts';
import type { State } from '../runtime/state.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { GeneratedSequence } from './generated-sequence.ts';
import type { GenerationOptions, GenerationStep } from './generation-options.ts';
import { type GenerationInput, prepareGeneration } from './prepare-generation.ts';

/** Throws UsageError on bad ids or options before anything is computed, and AbortError between rounds. */
export async function* generate(
  engine: Engine,
  inputs: readonly GenerationInput[],
  tokenizer: Tokenizer | undefined,
  endIds: ReadonlySet<number>,
  options: GenerationOptions = {},
): AsyncGenerator<GenerationStep, void, undefined> {
  const { sequences, cache, signal } = prepareGeneration(engine, inputs, tokenizer, endIds, options);
  const reader = new Reader<Request & { readonly sequence: GeneratedSequence }>(engine);
  const owned: State[] = [];
  try {
    for (const sequence of sequences) {
      if (sequence.given) continue;
      const { prompt, adapter, under } = sequence;
      const state = (await cache?.take(prompt, bothTraces(adapter, under))) ?? engine.newState();
      owned.push(state);
      if (cache) sequence.begin(state, { points: cache.pointsIn(prompt, state), cachedTokens: state.length });
      else sequence.begin(state);
    }
    let going = [...sequences];
    while (going.length > 0 || reader.open > 0) {
      for (const sequence of going) {
        const next = sequence.next();
        if (next) reader.add({ ...next, sequence, signal });
        else yield sequence.end();
      }
      going = [];
      if (reader.open === 0) return;
      for (const { request, output, failure } of await reader.round()) {
        if (failure) throw failure.error;
        const { sequence, state } = request;
        const step = sequence.take(output);
        if (step) yield step;
        else if (!sequence.given) await cache?.keepCopy(state);
        going.push(sequence);
      }
    }
  } finally {
    for (const state of owned) cache ? cache.keep(state) : state.dispose();
  }
}
