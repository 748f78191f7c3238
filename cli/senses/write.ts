/** `senses write MODEL FILE FOLDER`: a checkpoint whose weights have the edits of a file of interventions, where they can have them. */
import type { Command } from 'commander';
import {
  checkNewFolder,
  checkWritable,
  type InterventionSet,
  type OpenedModel,
  readInterventions,
  saveModel,
  writeSenses,
} from '../../src/node.ts';
import { interrupt } from '../interrupt.ts';
import { type ModelFlags, modelOptions } from '../model-options.ts';
import { inputFile } from '../options.ts';
import { withSenses } from './common.ts';

export function addWrite(senses: Command): void {
  modelOptions(senses.command('write'))
    .description(
      'save a model whose weights have the edits of a file: those of the senses of all tokens, such as a factor of one sense',
    )
    .argument('<file>', 'file of interventions', inputFile)
    .argument('<folder>', 'folder to write, new or empty')
    .action(write);
}

async function write(reference: string, file: string, folder: string, flags: ModelFlags): Promise<void> {
  const edits: InterventionSet = await readInterventions(file);
  const check = async (opened: OpenedModel) => {
    checkWritable(opened, edits);
    await checkNewFolder(folder, opened.plan.bytes);
  };
  await withSenses(reference, flags, { check }, async (model) => {
    await writeSenses(model, edits);
    await saveModel(model, folder, { signal: interrupt.signal });
    process.stderr.write(`wrote ${folder}\n`);
  });
}
