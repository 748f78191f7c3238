/** Where commands that make edits of senses write them. */
import type { Command } from 'commander';
import { checkInterventionsOutput, type SenseEdit, saveInterventions, vectorsBeside } from '../../src/node.ts';
import { interrupt } from '../interrupt.ts';
import { outputFile } from '../options.ts';

export function editOutput(command: Command, about: string, required = true): Command {
  const text = `${about}: JSON, with vectors in a safetensors file beside it`;
  return required
    ? command.requiredOption('--out <file>', text, outputFile)
    : command.option('--out <file>', text, outputFile);
}

/** Throws UsageError where the files cannot be written. */
export async function checkEditOutput(file: string | undefined): Promise<void> {
  if (file !== undefined) await checkInterventionsOutput(file);
}

export async function writeEdit(file: string, edit: SenseEdit, reference: string): Promise<void> {
  await saveInterventions(file, edit, { signal: interrupt.signal });
  const beside = edit.vectors.size > 0 ? ` and ${vectorsBeside(file)}` : '';
  process.stderr.write(
    `wrote ${file}${beside}; use it as in: portmanteau run ${reference} TEXT --interventions ${file}\n`,
  );
}
