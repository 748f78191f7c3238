/**
 * What a command of analysis tells: a table for people, `--json` one object, `--html FILE` a page. A command uses it in three steps:
 *
 *   reportOptions(command, 'rows with …')                    adds --json and --html
 *   await checkReport(flags)                                 before anything is opened, and in the check of withModel
 *   checkNotOfModel(flags.html, opened)
 *   await tellReport(flags, result, report)                  result: the plain data of the library; report: of src/figures
 *
 * Make the report by a pure function in src/figures. Its tables are what the terminal shows, unless `told` gives another text.
 */
import type { Command } from 'commander';
import { type Report, saveReport, type Table } from '../src/node.ts';
import { interrupt } from './interrupt.ts';
import { outputFile } from './options.ts';
import { columns } from './output.ts';
import { checkOutput, isStandardOutput, printBeside } from './output-file.ts';

export interface ReportFlags {
  readonly json?: boolean;
  readonly html?: string;
}

/** `about`: what is in the object of --json. */
export function reportOptions(command: Command, about: string): Command {
  return command
    .option('--json', `one JSON object: ${about}`)
    .option(
      '--html <file>',
      'write a page with figures, which opens from disk without network; - is standard output, and the rest goes to stderr',
      outputFile,
    );
}

/** Throws UsageError when the page cannot be written. */
export const checkReport = ({ html }: ReportFlags): Promise<void> => checkOutput(html);

export async function tellReport(
  { json, html }: ReportFlags,
  result: object,
  report: Report,
  told: () => string = () => reportText(report),
): Promise<void> {
  if (html !== undefined) await saveReport(html, report, { signal: interrupt.signal });
  const text = json ? `${JSON.stringify(result)}\n` : told();
  if (html === undefined) process.stdout.write(text);
  else printBeside(html, text);
  if (html !== undefined && !isStandardOutput(html)) process.stderr.write(`wrote ${html}\n`);
}

/** The tables of a report, and its notes. */
export function reportText({ figures, notes = [] }: Report): string {
  const tables = figures.filter((figure) => figure.kind === 'table');
  return [...tables.map(tableText), ...(notes.length > 0 ? [notes.map((note) => `${note}\n`).join('')] : [])].join(
    '\n',
  );
}

/** A title, the names of the columns, and the rows. */
export function tableText({ title, columns: names, rows }: Table): string {
  return `${title}\n${columns([names, ...rows.map((row) => row.map((cell) => cell ?? '-'))], '  ')}`;
}
