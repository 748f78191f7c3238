/** Requests that are hard to divide into tokens: what lm-evaluation-harness answers on the same models (tools/reference/make_answers.py). */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { answerRequests, type EvaluationAnswer, type EvaluationRequest, fromPretrained } from '../../src/node.ts';

interface Entry {
  readonly softmax: 'float32' | 'bfloat16';
  readonly context?: string;
  readonly continuation?: string;
  readonly text?: string;
  readonly kwargs?: { readonly until: readonly string[]; readonly max_gen_toks: number };
  /** A text that names an error where it fails. */
  readonly answer: readonly [number, boolean] | number | string;
}

const goldens = JSON.parse(
  readFileSync(new URL('../golden/evaluation/answers.json', import.meta.url), 'utf8'),
) as Record<string, Entry[]>;

function requestOf({ context = '', continuation = '', text, kwargs }: Entry): EvaluationRequest {
  if (text !== undefined) return { kind: 'rolling', text };
  if (!kwargs) return { kind: 'loglikelihood', context, continuation };
  return { kind: 'generate', context, until: kwargs.until, maxNewTokens: kwargs.max_gen_toks, sampling: {} };
}

const FIXTURES = new URL('../fixtures/evaluation/models/', import.meta.url);

/** A shipped model, or one of the fixtures. */
function referenceOf(name: string): string {
  const folder = fileURLToPath(new URL(name, FIXTURES));
  return existsSync(folder) ? folder : name;
}

it.each(Object.keys(goldens))('%s: every request has the answer of the harness', async (name) => {
  await using model = await fromPretrained(referenceOf(name), {
    threads: 1,
    weights: name === 'ternary' ? 'auto' : 'f32',
  });
  // Activations that are rounded to 8 bits may fall the other way after other float sums; in a text of thousands of tokens some do.
  const relative = name === 'ternary' ? 3e-5 : 1e-6;
  for (const softmaxDtype of ['f32', 'bf16'] as const) {
    const wanted = softmaxDtype === 'f32' ? 'float32' : 'bfloat16';
    const entries = (goldens[name] as Entry[]).filter(({ softmax }) => softmax === wanted);
    const found: (EvaluationAnswer | 'error')[] = [];
    for await (const one of answerRequests(model, entries.map(requestOf), { softmaxDtype }))
      found[one.index] = 'answer' in one ? one.answer : 'error';
    for (const [i, entry] of entries.entries()) {
      const { answer } = entry;
      const own = found[i] as EvaluationAnswer | 'error';
      const about = JSON.stringify(requestOf(entry)).slice(0, 200);
      if (own === 'error') expect(answer, about).toMatch(/Error:/);
      else if (own.kind === 'generate') expect(own.text, about).toBe(answer);
      else if (own.kind !== 'numbers') {
        const [logProbability, isGreedy] = Array.isArray(answer) ? answer : [answer];
        // In bf16, sums lie a 256th of themselves apart, and numbers may round the other way.
        const most =
          softmaxDtype === 'f32' ? 1e-4 + relative * Math.abs(logProbability) : 0.02 + Math.abs(logProbability) / 100;
        expect(Math.abs(own.logProbability - logProbability), about).toBeLessThan(most);
        if (own.kind === 'loglikelihood') expect(own.isGreedy, about).toBe(isGreedy);
      }
    }
  }
});
