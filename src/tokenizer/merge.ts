/**
 * The merge loop of byte-pair encoding (arXiv 1508.07909): joins the adjacent pair of the lowest rank, the leftmost of equals, until no
 * pair can be joined. A heap of pairs over linked symbols makes the time n log n, since words have no maximal length.
 */

/** Maps a pair of ids to the joined id and its rank. */
export class Merges {
  readonly #ranks = new Map<number, number>();
  readonly #joined: number[] = [];

  /** Adds a pair with the next rank. When a pair is given twice, the later rank is used, as in the reference. */
  add(left: number, right: number, joined: number): void {
    this.#ranks.set(keyOf(left, right), this.#joined.length);
    this.#joined.push(joined);
  }

  /** Joins pairs of `symbols`, which is overwritten, and returns the result. */
  apply(symbols: number[]): number[] {
    const n = symbols.length;
    if (n < 2) return symbols;
    const before = new Int32Array(n);
    const after = new Int32Array(n);
    const alive = new Uint8Array(n).fill(1);
    const heap: number[] = [];
    const propose = (at: number): void => {
      const next = after[at] as number;
      if (next === n) return;
      const rank = this.#ranks.get(keyOf(symbols[at] as number, symbols[next] as number));
      if (rank !== undefined) push(heap, rank * PLACES + at);
    };
    for (let i = 0; i < n; i++) {
      before[i] = i - 1;
      after[i] = i + 1;
    }
    for (let i = 0; i < n; i++) propose(i);
    while (heap.length > 0) {
      const best = pop(heap);
      const at = best % PLACES;
      const rank = (best - at) / PLACES;
      const next = after[at] as number;
      // A proposal is stale when one of the two has meanwhile joined another.
      if (alive[at] === 0 || next === n) continue;
      if (this.#ranks.get(keyOf(symbols[at] as number, symbols[next] as number)) !== rank) continue;
      symbols[at] = this.#joined[rank] as number;
      alive[next] = 0;
      const rest = after[next] as number;
      after[at] = rest;
      if (rest < n) before[rest] = at;
      propose(at);
      if ((before[at] as number) >= 0) propose(before[at] as number);
    }
    const left: number[] = [];
    for (let i = 0; i < n; i = after[i] as number) left.push(symbols[i] as number);
    return left;
  }
}

/** Ids are below 2^24, so that two fit into the 53 bits of a whole number. */
function keyOf(left: number, right: number): number {
  return left * 2 ** 24 + right;
}

/** Places in a word; with a rank below 2^22 in front, an entry of the heap is one whole number that sorts by rank, then by place. */
const PLACES = 2 ** 31;

function push(heap: number[], entry: number): void {
  let i = heap.length;
  heap.push(entry);
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if ((heap[parent] as number) <= entry) break;
    heap[i] = heap[parent] as number;
    i = parent;
  }
  heap[i] = entry;
}

function pop(heap: number[]): number {
  const top = heap[0] as number;
  const last = heap.pop() as number;
  const n = heap.length;
  if (n === 0) return top;
  let i = 0;
  for (;;) {
    let child = 2 * i + 1;
    if (child >= n) break;
    if (child + 1 < n && (heap[child + 1] as number) < (heap[child] as number)) child++;
    if ((heap[child] as number) >= last) break;
    heap[i] = heap[child] as number;
    i = child;
  }
  heap[i] = last;
  return top;
}
