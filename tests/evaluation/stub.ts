/** Tasks made by hand, for tests of runs. */
import type { EvaluationRequest, PreparedEvaluation, PreparedTask } from '../../src/node.ts';

/** Questions that begin alike, a text that is scored as a whole, and texts that are generated. */
export function stubEvaluation(documents: number): PreparedEvaluation {
  const pair = (context: string, continuation: string): EvaluationRequest => ({
    kind: 'loglikelihood',
    context,
    continuation,
  });
  const numbers = Array.from({ length: documents }, (_, i) => i);
  const choices: PreparedTask = {
    name: 'choices',
    instances: numbers.flatMap((docId) =>
      [' the mat', ' a', ' red hat.'].map((end) => ({
        docId,
        request: pair(`Once upon a time there was a cat who had ${docId} friends. The cat sat on`, end),
      })),
    ),
    score: (_, answers) => {
      const [first, ...others] = answers.map((answer) => ('logProbability' in answer ? answer.logProbability : 0));
      return { acc: others.every((other) => other < (first as number)) ? 1 : 0 };
    },
  };
  const texts: PreparedTask = {
    name: 'texts',
    instances: numbers.slice(0, 6).flatMap((docId) => [
      { docId, request: { kind: 'rolling', text: `The ${docId} cats went home. `.repeat(docId) } },
      {
        docId,
        request: { kind: 'generate', context: `Then ${docId}`, until: ['\n'], maxNewTokens: 12, sampling: {} },
      },
    ]),
    score: () => ({ seen: 1 }),
  };
  const tasks = [choices, texts];
  return {
    tasks,
    output: (answers, { started, modelName, seeds, record }) => ({
      results: {
        results: Object.fromEntries(
          tasks.map(({ name, instances, score }, t) => {
            const ids = [...new Set(instances.map(({ docId }) => docId))];
            const whole = ids.flatMap((docId) => {
              const own = (answers[t] ?? []).filter((_, i) => instances[i]?.docId === docId);
              return own.includes(undefined)
                ? []
                : [
                    score(
                      docId,
                      own.flatMap((answer) => answer ?? []),
                    ),
                  ];
            });
            return [name, { documents: whole.length, sum: whole.reduce((sum, one) => sum + (one.acc ?? 0), 0) }];
          }),
        ),
        ...{ started, modelName, seeds, record },
      },
      samples: new Map(tasks.map(({ name }, t) => [name, (answers[t] ?? []).map((answer) => ({ answer }))])),
    }),
  };
}
