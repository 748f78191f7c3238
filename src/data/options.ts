/** The options under `data` of a training run. Each is defined once, as all options (src/options/option.ts). */
import * as v from 'valibot';
import { UsageError } from '../base/errors.ts';
import { checkOptions } from '../options/check.ts';
import { type FilledOptions, kind, kinds, type OptionsOf, oneOf, option } from '../options/option.ts';
import { checkFields } from './document.ts';
import { TAILS } from './windows.ts';

const wholeId = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** Kinds of files. */
export const FILE_KINDS = ['text', 'jsonl', 'parquet'] as const;

export const DATA_OPTIONS = {
  /** Rows of token ids, which are used in this order. The targets of a row are the row, shifted by one. Instead of texts. */
  ids: option(
    kind<readonly (readonly number[])[]>(
      'a list of lists of at least two token ids',
      v.pipe(v.array(v.pipe(v.array(wholeId), v.minLength(2))), v.minLength(1)),
    ),
    'rows of token ids, used in this order',
  ),
  /** Texts, each one document. */
  texts: option(kinds.texts, 'texts, each one document'),
  /** Objects, read as the lines of a JSONL file are. */
  records: option(
    kind<readonly object[]>('a list of objects', v.array(v.looseObject({}))),
    'objects, read as the lines of a JSONL file',
  ),
  /** Files, folders (all files of known kinds in them) and patterns such as `texts/*.txt` or `books/**`; Node only. `.gz` is unpacked. */
  files: option(kinds.textOrTexts, 'files, folders and patterns (*, **, ?)'),
  /** Kind of all files. Default: by the ending of each. */
  kind: option(oneOf(FILE_KINDS), 'kind of the files (default: by their endings)'),
  /** Field of a record that has the text. Default: text. */
  field: option(kinds.text, 'field with the text (default: text)'),
  /** Field with the messages of a chat; the loss counts on the answers only. Default: messages, in records without text. */
  messages: option(kinds.text, 'field with chat messages; the loss counts on answers only'),
  /** Fields with a prompt and its completion; the loss counts on the completion only. */
  prompt: option(kinds.text, 'field with the prompt'),
  completion: option(kinds.text, 'field with the completion; the loss counts there only'),
  /** Text between the documents of a plain text file. Default: the file is one document. */
  separator: option(
    kind('a text that is not empty', v.pipe(v.string(), v.minLength(1))),
    'text between the documents of a text file (default: a file is one document)',
  ),
  /** `error`: a line or record that cannot be read ends the run. `skip`: it is left out, with a warning. */
  badRecords: option(oneOf(['error', 'skip']), 'what to do with records that cannot be read', 'error'),
  /** Added to each document; `{eos}` stands for the end-of-text token. */
  ends: option(kinds.text, 'what is added to each document; {eos} is the end-of-text token', '{eos}'),
  /** Adds to each document what the tokenizer adds to a text, such as a begin-of-text. */
  addSpecialTokens: option(kinds.flag, 'add what the tokenizer adds to a text, such as a begin-of-text', true),
  /** Names of special tokens in documents are ordinary text. */
  splitSpecialTokens: option(kinds.flag, 'read names of special tokens in documents as ordinary text', false),
  /** Tokens that the model reads at once in training. */
  sequence: option(kinds.fromOne, 'tokens of a row that the model reads', 512),
  /** Ids of a row; default: sequence + 1, as the last is only a target. With `sequence` ids, the last one read has no target. */
  window: option(
    kind('a whole number from 2 on', v.pipe(v.number(), v.safeInteger(), v.minValue(2))),
    'ids of a row (default: sequence + 1)',
  ),
  /** Ids from the start of one row to the start of the next; default: sequence. */
  stride: option(kinds.fromOne, 'ids from the start of a row to that of the next (default: sequence)'),
  /** The ids at the end that fill no row: `drop`, `keep` as a shorter row, or `pad`. */
  tail: option(oneOf(TAILS), 'what becomes of the last ids, which fill no row', 'drop'),
  /** Do rows run on from one file into the next (`all`), or does each file begin a new one (`file`)? */
  join: option(oneOf(['all', 'file']), 'whether rows run on from file to file', 'all'),
  /** `windows`: documents one after another, cut. `documents`: each is a row, cut off at its end. Default: documents where the loss counts on a part. */
  rows: option(
    oneOf(['windows', 'documents']),
    'cut joined documents into windows, or make a row of each (default: windows, but documents where the loss counts on a part of them)',
  ),
  /** False: rows in the order of the files. */
  shuffle: option(kinds.flag, 'another order of rows in each epoch', true),
  /** Share that is kept for validation. */
  validation: option(
    kind('a number from 0 to below 1', v.pipe(v.number(), v.minValue(0), v.ltValue(1))),
    'share of the data kept for validation',
    0,
  ),
  /** What the share is of. */
  validationBy: option(
    oneOf(['documents', 'rows']),
    'whether whole documents or rows are kept for validation',
    'documents',
  ),
  /** Files of which all is for validation; instead of a share. */
  validationFiles: option(kinds.textOrTexts, 'files for validation, instead of a share'),
  /** Seed of order and split. Default: the seed of the run. */
  seed: option(kinds.seed, 'seed of order and split (default: that of the run)'),
  /** Folder where the tokens are kept. Default: a folder of the user's caches. */
  cache: option(kinds.text, "folder for the tokens (default: of the user's caches)"),
};

export interface DataOptions extends OptionsOf<typeof DATA_OPTIONS> {}
export type FilledDataOptions = FilledOptions<typeof DATA_OPTIONS>;

const SOURCES = ['ids', 'texts', 'records', 'files'] as const;

/** Throws UsageError on unknown, wrong or contradicting options, before anything is read. */
export function checkData(options: unknown): FilledDataOptions {
  const data = checkOptions('data', options, DATA_OPTIONS);
  const given = SOURCES.filter((name) => data[name] !== undefined);
  if (given.length !== 1)
    throw new UsageError(
      `data has ${given.length === 0 ? 'no source' : given.join(' and ')}, wanted one of ${SOURCES.join(', ')}.`,
    );
  const empty = SOURCES.find((name) => data[name]?.length === 0);
  if (empty) throw new UsageError(`data.${empty} is empty, wanted at least one.`);
  checkFields(data);
  if (data.validation > 0 && data.validationFiles !== undefined)
    throw new UsageError('give data.validation, a share, or data.validationFiles, not both.');
  if (data.validationFiles !== undefined && data.files === undefined)
    throw new UsageError('data.validationFiles belongs to data.files.');
  if (data.ids && data.validation > 0)
    throw new UsageError('data.ids are used as they are: they have no share for validation (data.validation).');
  return data;
}

export interface WindowOptions {
  readonly sequence: number;
  readonly window?: number | undefined;
  readonly stride?: number | undefined;
}

/** Ids of a row, and from the start of one to that of the next. */
export function windowOf({ sequence, window, stride }: WindowOptions): {
  window: number;
  stride: number;
} {
  return { window: window ?? sequence + 1, stride: stride ?? sequence };
}
