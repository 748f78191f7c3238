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
    field: option(kinds.text, 'field of JSONL and Parquet that has the text', 'text'),
    sequence: option(kinds.fromOne, 'tokens of a sequence', 512),
    ends: option(kinds.text, 'text after each document (default: the end-of-text token)'),
    validation: option(kinds.share, 'share of the documents that is held out', 0.01),
  },
  ['files'],
);

export const DATA = either('{ "ids": [[...], ...] } or { "files": [...] }', IDS, FILES);

export type DataOptions = typeof DATA extends Option<infer T> ? T : never;
