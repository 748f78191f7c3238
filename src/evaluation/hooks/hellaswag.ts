/** HellaSwag: traces of WikiHow's marks are taken out of its texts (lm-evaluation-harness, tasks/hellaswag). */
import { UsageError } from '../../base/errors.ts';
import { capitalize, strip } from '../tasks/python-methods.ts';
import { parsePythonLiteral } from '../tasks/python-text.ts';
import type { Row } from '../tasks/task-config.ts';

export function hellaswagRow(row: Row): Row {
  const field = (name: string): string => {
    const value = row[name];
    if (typeof value !== 'string') throw new UsageError(`HellaSwag's rows need the text '${name}'.`);
    return value;
  };
  const { endings, label } = row;
  if (!Array.isArray(endings)) throw new UsageError("HellaSwag's rows need the list 'endings'.");
  const context = `${field('ctx_a')} ${capitalize(field('ctx_b'))}`;
  return {
    ...row,
    query: cleaned(`${field('activity_label')}: ${context}`),
    choices: endings.map((ending) => cleaned(String(ending))),
    gold: Number(typeof label === 'string' ? parsePythonLiteral(label) : label),
  };
}

/** Two spaces become one, once from left to right, so that three leave two. */
export function cleaned(text: string): string {
  return strip(text)
    .replaceAll(' [title]', '. ')
    .replace(/\[[^\n]*?\]/g, '')
    .replaceAll('  ', ' ');
}
