/** `--interventions FILE`, for commands that read or write text. */
import type { Command } from 'commander';
import { checkInterventions, type InterventionSet, type OpenedModel, readInterventions } from '../src/node.ts';
import { inputFile } from './options.ts';

export interface InterventionFlags {
  readonly interventions?: string;
}

export const interventionsOption = <C extends Command>(command: C): C =>
  command.option(
    '--interventions <file>',
    'change values inside of the model as this file says (JSON; docs/insides.md has the format)',
    inputFile,
  );

/** Reads the file; `checkInterventions` compares it with a model. */
export const interventionsOf = async ({
  interventions: file,
}: InterventionFlags): Promise<InterventionSet | undefined> =>
  file === undefined ? undefined : readInterventions(file);

/** Checks the interventions before the weights are loaded. */
export function checkFits(opened: OpenedModel, interventions: InterventionSet | undefined): void {
  if (interventions) checkInterventions(opened, interventions);
}
