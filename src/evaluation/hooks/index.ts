/**
 * Functions that tasks name with `!function`, written here because Python is not run: those that the built-in tasks need, by the names that they
 * have in the harness, so that copies of its task files work.
 */
import { UsageError } from '../../base/errors.ts';
import type { Row } from '../tasks/task-config.ts';
import { hellaswagRow } from './hellaswag.ts';
import { truthShare } from './truthfulqa.ts';
import { wikitextResults, wikitextText } from './wikitext.ts';
import { winograndeInputs, winograndeRest, winograndeRight } from './winogrande.ts';

/** Answers of one document after a filter: pairs of log-probability and whether it is greedy, a log-probability alone, or texts. */
export type FilteredAnswers = readonly unknown[];

type DocumentHook = (row: Row) => unknown;
type RowsHook = (rows: readonly Row[]) => Row[];
type ResultsHook = (row: Row, answers: FilteredAnswers) => Readonly<Record<string, unknown>>;

interface Hook {
  readonly kind: 'document' | 'rows' | 'results';
  readonly run: DocumentHook | RowsHook | ResultsHook;
}

const document = (run: DocumentHook): Hook => ({ kind: 'document', run });
const rows = (run: DocumentHook): Hook => ({
  kind: 'rows',
  run: (all: readonly Row[]) => all.map((row) => run(row) as Row),
});
const results = (run: ResultsHook): Hook => ({ kind: 'results', run });

const HOOKS: Readonly<Record<string, Hook>> = {
  'hellaswag.process_docs': rows(hellaswagRow),
  'preprocess_winogrande.doc_to_text': document(winograndeRight),
  'preprocess_winogrande.doc_to_target': document(winograndeRest),
  'preprocess_winogrande.doc_to_choice': document(winograndeInputs),
  'preprocess_wikitext.wikitext_detokenizer': document(wikitextText),
  'preprocess_wikitext.process_results': results(wikitextResults),
  'utils.process_results_mc2': results(truthShare),
};

/** Names that several tasks have in common, with the data set that tells which is meant. */
const OF_DATA: Readonly<Record<string, { readonly data: RegExp; readonly hook: string }>> = {
  'utils.process_docs': { data: /hellaswag/i, hook: 'hellaswag.process_docs' },
};

type RunOf<K> = K extends 'document' ? DocumentHook : K extends 'rows' ? RowsHook : ResultsHook;

/** The function of this name. Throws UsageError when it is not known, or does something else. `where`: the key, for the message. */
export function hookNamed<K extends Hook['kind']>(name: string, kind: K, where: string): RunOf<K> {
  const hook = Object.hasOwn(HOOKS, name) ? HOOKS[name] : undefined;
  if (hook?.kind !== kind)
    throw new UsageError(
      `${where} is the Python function '${name}', which cannot be run here. Known are ${namesOf(kind).join(', ')}: use one of these, or a template of Jinja.`,
    );
  return hook.run as RunOf<K>;
}

const namesOf = (kind: Hook['kind']): string[] => Object.keys(HOOKS).filter((name) => HOOKS[name]?.kind === kind);

/** The function that a task file means by a name. `about`: the task's name and data set. */
export function hookMeant(name: string, about: string): string {
  const common = Object.hasOwn(OF_DATA, name) ? OF_DATA[name] : undefined;
  return common?.data.test(about) ? common.hook : name;
}
