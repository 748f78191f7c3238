/** `score --compare FORMAT`: compares a model with itself in another weight format. */
import {
  type Comparison,
  compare,
  comparedWindows,
  type OpenedModel,
  type Prompt,
  UsageError,
  usableBytes,
  type WeightFormat,
} from '../src/node.ts';
import { breathe, interrupt } from './interrupt.ts';
import { withModel } from './load.ts';
import type { EncodeFlags, ModelFlags } from './model-options.ts';
import { columns, megabytes, printJson } from './output.ts';

export interface CompareFlags {
  readonly compare?: WeightFormat;
  readonly window?: number;
  readonly stride?: number;
  readonly json?: boolean;
}

/** Help on the object of --json. */
export const COMPARE_FIELDS = `With --compare, the object of --json has
  tokens               how many were predicted
  window, stride, windows  tokens of a window, tokens from one to the next, and how many windows there were
  weights, reference   the two formats
  perplexity, referencePerplexity
  klMean, kl99, klMax  KL(reference || model) per token in nats: mean, 99th percentile, maximum
  sameTop              share of tokens for which both find the same token likeliest, 0 to 1
  logprobDifference    mean absolute difference of the log-probabilities of the tokens that came`;

export async function printComparison(
  reference: string,
  prompt: Prompt,
  flags: ModelFlags & CompareFlags & EncodeFlags,
): Promise<void> {
  const { weights = 'auto', compare: other = 'auto', window, stride, splitSpecialTokens, json } = flags;
  const cut = { window, stride, splitSpecialTokens };
  const check = (opened: OpenedModel) => {
    comparedWindows(opened, prompt, cut);
    checkMemory(opened, weights, other, flags.memoryBytes ?? usableBytes());
  };
  const result = await withModel(reference, flags, check, (model) =>
    withModel(
      reference,
      { ...flags, weights: other },
      () => {},
      async (exact) => {
        const { isTTY } = process.stderr;
        const onProgress = (done: number, total: number) => {
          if (isTTY) process.stderr.write(`\r${done === total ? '\x1b[K' : `${done} of ${total} tokens`}`);
          return breathe();
        };
        return compare(model, exact, prompt, { ...cut, signal: interrupt.signal, onProgress });
      },
    ),
  );
  if (json) printJson({ weights, reference: other, ...result });
  else process.stdout.write(sheet(result, weights, other));
}

/** Both models are in memory at the same time: checks and prints the memory they need, before it is allocated. */
function checkMemory(opened: OpenedModel, weights: WeightFormat, other: WeightFormat, memoryBytes: number): void {
  const bytes = [opened.plan.bytes, opened.bytesIn(other)] as const;
  const needs = `${megabytes(bytes[0])} for the weights as ${weights}, ${megabytes(bytes[1])} as ${other}`;
  if (bytes[0] + bytes[1] > memoryBytes)
    throw new UsageError(
      `both models do not fit in the ${megabytes(memoryBytes)} that this process may take: ${needs}.`,
    );
  process.stderr.write(`loads both at once: ${needs}\n`);
}

function sheet(c: Comparison, weights: WeightFormat, reference: WeightFormat): string {
  return columns([
    ['text', `${c.tokens} tokens predicted, in ${c.windows} ${c.windows === 1 ? 'window' : 'windows'} of ${c.window}`],
    ['perplexity', `${c.perplexity.toFixed(6)} as ${weights}, ${c.referencePerplexity.toFixed(6)} as ${reference}`],
    ['divergence', `${nats(c.klMean)} nats per token, 99th percentile ${nats(c.kl99)}, maximum ${nats(c.klMax)}`],
    ['same likeliest', `${(100 * c.sameTop).toFixed(2)} % of tokens`],
    ['log-probability', `${nats(c.logprobDifference)} nats apart on average`],
  ]);
}

const nats = (value: number) => (value === 0 ? '0' : value.toPrecision(3));
