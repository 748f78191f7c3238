/** One document of the file of samples, in the form of the harness. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { DocumentMetrics } from '../metrics/document-metrics.ts';
import type { EvaluationAnswer } from '../requests.ts';
import type { Target } from '../tasks/document.ts';
import { generationConfigOf } from '../tasks/generation.ts';
import { pythonJsonText } from '../tasks/python-json-text.ts';
import { pythonStr } from '../tasks/python-text.ts';
import type { Task, TaskInstance } from '../tasks/task.ts';
import type { Row } from '../tasks/task-config.ts';

export interface Sample {
  readonly doc_id: number;
  readonly doc: Row;
  readonly target: string;
  /** `gen_args_0: { arg_0: context, arg_1: continuation }`, one for each request. */
  readonly arguments: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly resps: readonly unknown[];
  readonly filtered_resps: readonly unknown[];
  readonly filter: string;
  readonly metrics: readonly string[];
  readonly doc_hash: string;
  readonly prompt_hash: string;
  readonly target_hash: string;
  /** Values of the metrics. */
  readonly [metric: string]: unknown;
}

export interface SampleParts {
  readonly task: Task;
  readonly docId: number;
  readonly row: Row;
  readonly target: Target;
  readonly instances: readonly TaskInstance[];
  /** Of each request, one or several. */
  readonly answers: readonly (readonly EvaluationAnswer[])[];
  readonly filtered: readonly unknown[];
  readonly filter: string;
  readonly metrics: DocumentMetrics;
}

export function sampleOf(parts: SampleParts): Sample {
  const { task, docId, row, target, instances, answers, filtered, filter, metrics } = parts;
  const all = instances.slice(0, answers.length).map((instance) => argumentsOf(task, instance));
  return {
    doc_id: docId,
    doc: row,
    target: pythonStr(target),
    arguments: Object.fromEntries(
      all.map((list, i) => [`gen_args_${i}`, Object.fromEntries(list.map((one, j) => [`arg_${j}`, one]))]),
    ),
    resps: answers.map((repeats) => repeats.map(answerTexts)),
    filtered_resps: filtered.map(asTexts),
    filter,
    metrics: Object.keys(metrics),
    doc_hash: hashOf(pythonJsonText(row, { indent: 2 })),
    prompt_hash: hashOf(String(all[0]?.[0])),
    target_hash: hashOf(pythonStr(target)),
    ...metrics,
  };
}

export const hashOf = (text: string): string => bytesToHex(sha256(utf8ToBytes(text)));

function argumentsOf({ config }: Task, { request }: TaskInstance): readonly unknown[] {
  if (request.kind === 'rolling') return [request.text];
  if (request.kind === 'wordPair') return request.words;
  if (request.kind === 'leanings') return [request.word, ...request.prompts];
  return [request.context, request.kind === 'generate' ? generationConfigOf(config) : request.continuation];
}

function answerTexts(answer: EvaluationAnswer): unknown {
  if (answer.kind === 'generate') return answer.text;
  if (answer.kind === 'numbers') return answer.numbers.map(floatText);
  const logProbability = floatText(answer.logProbability);
  return answer.kind === 'rolling' ? logProbability : [logProbability, pythonStr(answer.isGreedy)];
}

/** Numbers and truth values as texts. Answers are floating point numbers, also where they are whole. */
function asTexts(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asTexts);
  return typeof value === 'number' ? floatText(value) : pythonStr(value);
}

const floatText = (value: number): string => (Number.isInteger(value) ? `${value}.0` : pythonStr(value));
