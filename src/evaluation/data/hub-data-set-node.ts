/** Data sets of the hub, as the Parquet files that the hub makes of each (branch refs/convert/parquet: configuration/split/number.parquet). */
import { UsageError } from '../../base/errors.ts';
import { dataSetFiles } from '../../hub/data-set-node.ts';
import type { HubOptions } from '../../hub/hub-node.ts';
import type { Row } from '../tasks/task-config.ts';
import { renamed, withAllColumns } from './columns.ts';
import type { DataSet } from './data-set-node.ts';
import { readRows } from './files-node.ts';

/** Configuration of data sets that have only one. */
const USUAL_NAME = 'default';

/** Files are downloaded when their split is read. */
export function hubDataSet(
  repo: string,
  name: string | undefined,
  columns: Readonly<Record<string, string>>,
  hub: HubOptions,
): DataSet {
  const read = new Map<string, Promise<readonly Row[]>>();
  const load = async (split: string): Promise<readonly Row[]> => {
    const folder = `${name ?? USUAL_NAME}/${split}/`;
    const files = await dataSetFiles(
      repo,
      (path) => path.startsWith(folder) && path.endsWith('.parquet'),
      hub,
      (names) => {
        const parts = names.map((path) => path.split('/'));
        const known = [
          ...new Set(
            parts.filter(([, , file]) => file?.endsWith('.parquet')).map(([config, one]) => `${config}/${one}`),
          ),
        ];
        return new UsageError(
          `the data set ${repo} has no split '${split}' of '${name ?? USUAL_NAME}': it has ${known.slice(0, 20).join(', ') || 'no Parquet files'}.`,
        );
      },
    );
    const rows: Row[] = [];
    for (const file of files) rows.push(...(await readRows(file, 'parquet')));
    return renamed(withAllColumns(rows), columns, `${repo}, ${folder}`);
  };
  return {
    origin: { source: `${repo}${name === undefined ? '' : ` (${name})`} of the hub`, licence: LICENCES[repo] },
    rows(split) {
      const rows = read.get(split) ?? load(split);
      read.set(split, rows);
      return rows;
    },
  };
}

/**
 * Licences of the data sets of the built-in tasks, as their cards on the hub or the repositories of their authors name them. OpenBookQA and
 * SuperGLUE are not here, as theirs could not be confirmed.
 */
const LICENCES: Readonly<Record<string, string>> = {
  'Rowan/hellaswag': 'MIT',
  'baber/piqa': 'AFL-3.0',
  'allenai/winogrande': 'CC-BY',
  'allenai/ai2_arc': 'CC-BY-SA-4.0',
  'cais/mmlu': 'MIT',
  'truthfulqa/truthful_qa': 'Apache-2.0',
  'openai/gsm8k': 'MIT',
  'EleutherAI/lambada_openai': 'MIT',
  'EleutherAI/wikitext_document_level': 'CC-BY-SA-3.0',
  'nyu-mll/blimp': 'CC-BY-4.0',
};
