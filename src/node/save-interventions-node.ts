/** Writes interventions as a file: JSON, and the vectors that it names in a safetensors file beside it. */
import { basename, dirname, join } from 'node:path';
import { UsageError } from '../base/errors.ts';
import { type WriteOptions, writeFileWhole } from '../checkpoint/output-node.ts';
import { checkOutputFile } from '../checkpoint/output-place-node.ts';
import { saveTensors } from '../checkpoint/save-node.ts';
import type { InterventionFile, InterventionSet } from '../interventions/intervention.ts';

/** The file of vectors beside a file of interventions. */
export const vectorsBeside = (file: string): string =>
  join(dirname(file), `${basename(file).replace(/\.json$/, '')}.safetensors`);

/** Throws UsageError when interventions cannot be written there. */
export async function checkInterventionsOutput(file: string): Promise<void> {
  if (file === '-')
    throw new UsageError(
      'interventions are two files, of JSON and of vectors: give the name of a file, as in edit.json.',
    );
  await checkOutputFile(file);
  await checkOutputFile(vectorsBeside(file));
}

/** The vectors first, so that a file of interventions never names some that are not there. */
export async function saveInterventions(file: string, set: InterventionSet, options: WriteOptions = {}): Promise<void> {
  await checkInterventionsOutput(file);
  const { vectors, interventions } = set;
  const named = vectors && vectors.size > 0;
  if (named) await saveTensors(vectorsBeside(file), vectors, options);
  const content: InterventionFile = {
    version: 1,
    ...(named ? { vectors: basename(vectorsBeside(file)) } : {}),
    interventions,
  };
  await writeFileWhole(file, [new TextEncoder().encode(`${JSON.stringify(content, null, 2)}\n`)], options);
}
