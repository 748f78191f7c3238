/**
 * The edits that turn one list of words into another, looked for near the diagonal only, as Tercom and sacrebleu 2 (lib_ter.py) do, with their
 * order of preference among edits of equal cost: keep or replace, then remove, then insert.
 */

/** What becomes of a word of the given list (keep, replace, remove), or that one of the wanted list is put in. */
export type Edit = 'keep' | 'replace' | 'remove' | 'insert';

export interface Edits {
  readonly count: number;
  readonly edits: readonly Edit[];
}

/** Words beside the diagonal that are looked at. */
const BEAM = 25;

const KINDS: readonly Edit[] = ['keep', 'replace', 'remove', 'insert'];

export function editsOf(given: readonly string[], wanted: readonly string[]): Edits {
  const width = wanted.length + 1;
  const costs = new Float64Array((given.length + 1) * width).fill(Number.POSITIVE_INFINITY);
  const kinds = new Uint8Array(costs.length);
  for (let j = 0; j < width; j++) {
    costs[j] = j;
    kinds[j] = 3;
  }
  const ratio = given.length > 0 ? wanted.length / given.length : 1;
  const beam = BEAM < ratio / 2 ? Math.ceil(ratio / 2 + BEAM) : BEAM;
  for (let i = 1; i <= given.length; i++) {
    const middle = Math.floor(i * ratio);
    const end = i === given.length ? width : Math.min(width, middle + beam);
    for (let j = Math.max(0, middle - beam); j < end; j++) {
      const at = i * width + j;
      const offer = (cost: number, kind: number) => {
        if (cost >= (costs[at] as number)) return;
        costs[at] = cost;
        kinds[at] = kind;
      };
      if (j > 0) {
        const isSame = given[i - 1] === wanted[j - 1];
        offer((costs[at - width - 1] as number) + (isSame ? 0 : 1), isSame ? 0 : 1);
      }
      offer((costs[at - width] as number) + 1, 2);
      if (j > 0) offer((costs[at - 1] as number) + 1, 3);
    }
  }
  const edits: Edit[] = [];
  for (let [i, j] = [given.length, wanted.length]; i > 0 || j > 0; ) {
    const edit = KINDS[kinds[i * width + j] as number] as Edit;
    edits.push(edit);
    if (edit !== 'insert') i--;
    if (edit !== 'remove') j--;
  }
  return { count: costs.at(-1) as number, edits: edits.reverse() };
}
