/** Where the tokens of a run come from: the options of src/data, one form for each source. */
import { DATA_OPTIONS } from '../data/options.ts';
import { either, type InputOf, section } from '../options/section.ts';

const { ids, texts, records, files, ...all } = DATA_OPTIONS;
const { kind: _, separator: __, validationFiles: ___, cache: ____, ...inMemory } = all;

export const DATA = either(
  '{ "ids": [[...], ...] }, { "files": [...] }, { "texts": [...] } or { "records": [...] }',
  section({ ids }, ['ids']),
  section({ files, ...all }, ['files']),
  section({ texts, ...inMemory }, ['texts']),
  section({ records, ...inMemory }, ['records']),
);

export type DataOptions = InputOf<typeof DATA>;
