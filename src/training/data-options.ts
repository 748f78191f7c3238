/** Where the tokens of a run come from. */
import * as v from 'valibot';
import { kind, kinds, type Option, oneOf, option } from '../options/option.ts';
import { either, section } from '../options/section.ts';

const row = v.pipe(v.array(v.pipe(v.number(), v.safeInteger(), v.minValue(0))), v.minLength(2));
const rows = kind<readonly (readonly number[])[]>(
  'a list of lists of at least two token ids',
  v.pipe(v.array(row), v.minLength(1)) as unknown as Option<readonly (readonly number[])[]>,
);

/** Token ids as they are: each row is a sequence, whose targets are the row shifted by one. */
const IDS = section({ ids: option(rows, 'sequences of token ids, taken in order, from the start again at the end') }, [
  'ids',
]);

const FILES = section(
  {
    files: option(kinds.texts, 'files, folders and patterns such as texts/*.jsonl'),
    kind: option(oneOf(['text', 'jsonl', 'parquet']), 'what is in the files (default: by their endings)'),
    field: option(kinds.text, 'field with the text (default: text)'),
    ends: option(kinds.text, 'what is added to each document; {eos} is the end-of-text token', '{eos}'),
    addSpecialTokens: option(kinds.flag, 'add what the tokenizer adds to a text, such as a begin-of-text', true),
    sequence: option(kinds.fromOne, 'tokens of a row that the model reads', 512),
    window: option(kinds.fromOne, 'ids of a row (default: sequence + 1)'),
    stride: option(kinds.fromOne, 'ids from the start of a row to that of the next (default: sequence)'),
    tail: option(oneOf(['drop', 'keep', 'pad']), 'what becomes of the last ids, which fill no row', 'drop'),
    join: option(oneOf(['all', 'file']), 'whether rows run on from file to file', 'all'),
    shuffle: option(kinds.flag, 'another order of rows in each epoch', true),
    validation: option(kinds.share, 'share of the data kept for validation', 0),
    validationBy: option(oneOf(['documents', 'rows']), 'whether whole documents or rows are kept', 'documents'),
    seed: option(kinds.seed, 'seed of order and split (default: that of the run)'),
  },
  ['files'],
);

export const DATA = either('{ "ids": [[...], ...] } or { "files": [...] }', IDS, FILES);

export type DataOptions = typeof DATA extends Option<infer T> ? T : never;
