/** The order in which requests are answered, and their division for several machines. */
import type { EvaluationRequest } from '../requests.ts';

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function textOf(request: EvaluationRequest): string {
  switch (request.kind) {
    case 'rolling':
      return request.text;
    case 'wordPair':
      return request.words[0];
    case 'leanings':
      return request.word;
    default:
      return request.context;
  }
}

/** The indices of some requests, so that those that begin alike stand together. */
export function ordered(
  requests: readonly EvaluationRequest[],
  isWanted: (request: EvaluationRequest) => boolean,
): number[] {
  const indices = [...requests.keys()].filter((index) => isWanted(requests[index] as EvaluationRequest));
  const texts = new Map(indices.map((index) => [index, textOf(requests[index] as EvaluationRequest)]));
  return indices.sort((a, b) => compare(texts.get(a) as string, texts.get(b) as string) || a - b);
}

/** Requests by their indices in batches of at most `size`, so that most of what begins alike is in one. */
export function batchesOf(requests: readonly EvaluationRequest[], size: number): number[][] {
  const all = ordered(requests, () => true);
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
}
