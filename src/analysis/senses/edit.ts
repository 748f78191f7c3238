/** Edits of senses as interventions: plain data that hold for whole generations and can be saved as a file. */
import type { InterventionSet, VectorTensor } from '../../interventions/intervention.ts';
import type { WordOption } from '../words.ts';
import { checkSenses } from './lookup.ts';
import type { SenseSource } from './source.ts';
import { dot, rowOf } from './vectors.ts';
import { firstToken } from './word.ts';

/** A list of interventions with the vectors that it names, as `interventions` of generate, score and others take it. */
export type SenseEdit = Required<InterventionSet>;

/** Multiplies how much a sense of a word counts: 0 removes it. */
export function scaleSense(source: SenseSource, word: WordOption, sense: number, scale: number): SenseEdit {
  checkSenses(source.senseCount, [sense]);
  const token = firstToken(source, word);
  return { version: 1, vectors: new Map(), interventions: [{ senses: { token, sense }, scale }] };
}

export interface KnowledgeEdit {
  /** Whose senses are changed. */
  readonly word: WordOption;
  /** What it shall have to do with no more, and with what instead. */
  readonly remove: WordOption;
  readonly add: WordOption;
  /** Factor of what is added; default 1, as in the paper. */
  readonly strength?: number | undefined;
}

/**
 * Takes the part along one word out of all senses of another, and puts a part along a third in its place (arXiv 2305.16765, section 5.3;
 * modulate_generate.py): C + c (-E_r + strength |E_r|^2 / |E_a|^2 E_a) with c = C . E_r / |E_r|^2. Of words of several tokens the first counts.
 */
export async function editKnowledge(source: SenseSource, edit: KnowledgeEdit): Promise<SenseEdit> {
  const { word, remove, add, strength = 1 } = edit;
  const { senseCount } = source;
  const { dModel } = source.facts;
  const token = firstToken(source, word);
  const rows = await source.headRows([firstToken(source, remove), firstToken(source, add)]);
  const before = await source.senseVectors([token]);
  const data = editedSenses(before, rowOf(rows, 0, dModel), rowOf(rows, 1, dModel), strength);
  return replaced(token, undefined, { shape: [senseCount, dModel], dtype: 'f32', data });
}

/** senses[Z, M] and rows of the head [M] -> [Z, M] */
export function editedSenses(
  senses: Float32Array,
  removed: Float32Array,
  added: Float32Array,
  strength: number,
): Float32Array {
  const width = removed.length;
  const [square, squareOfAdded] = [dot(removed, removed), dot(added, added)];
  const edited = new Float32Array(senses.length);
  for (let first = 0; first < senses.length; first += width) {
    const share = dot(senses.subarray(first, first + width), removed) / square;
    const gain = (strength * share * square) / squareOfAdded;
    for (let i = 0; i < width; i++)
      edited[first + i] = (senses[first + i] as number) - share * (removed[i] as number) + gain * (added[i] as number);
  }
  return edited;
}

/** Gives a word some senses of another word. */
export async function swapSenses(
  source: SenseSource,
  { word, from, senses }: { readonly word: WordOption; readonly from: WordOption; readonly senses: readonly number[] },
): Promise<SenseEdit> {
  checkSenses(source.senseCount, senses);
  const { dModel } = source.facts;
  const token = firstToken(source, word);
  const vectors = await source.senseVectors([firstToken(source, from)]);
  const edits = senses.map((sense) =>
    replaced(token, sense, { shape: [dModel], dtype: 'f32', data: rowOf(vectors, sense, dModel).slice() }),
  );
  return joinEdits(edits);
}

function replaced(token: number, sense: number | undefined, vector: VectorTensor): SenseEdit {
  const name = sense === undefined ? `token${token}.senses` : `token${token}.sense${sense}`;
  const senses = sense === undefined ? { token } : { token, sense };
  return {
    version: 1,
    vectors: new Map([[name, vector]]),
    interventions: [{ senses, set: { vector: name } }],
  };
}

/** Several edits, one after another; vectors of one name are those of the last. */
export const joinEdits = (edits: readonly SenseEdit[]): SenseEdit => ({
  version: 1,
  vectors: new Map(edits.flatMap(({ vectors }) => [...vectors])),
  interventions: edits.flatMap(({ interventions }) => interventions),
});
