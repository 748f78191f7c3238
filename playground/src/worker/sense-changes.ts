/** Changes of senses as interventions, which a model makes. */
import { joinEdits, type Model, type SenseEdit } from '../../../src/web.ts';

/** How much a sense of a token counts, in place of 1. */
export interface Scaled {
  readonly id: number;
  readonly sense: number;
  readonly scale: number;
}

/** `edit`: `word,remove,add`, or empty. Undefined where nothing is changed. */
export async function changesOf(
  { senses }: Model,
  scaled: readonly Scaled[],
  edit: string,
): Promise<SenseEdit | undefined> {
  const [word, remove, add] = edit.split(',').map((one) => one.trim());
  const known = scaled.filter(({ sense }) => sense < senses.count);
  const edits = known.map(({ id, sense, scale }) => senses.scaled(id, sense, scale));
  if (word && remove && add) edits.push(await senses.edited({ word, remove, add }));
  return edits.length > 0 ? joinEdits(edits) : undefined;
}
