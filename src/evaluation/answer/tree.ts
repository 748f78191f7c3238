/**
 * A tree of token ids, in which texts that begin alike share their beginning. Its nodes are the pieces that are read one after another, each
 * from a copy of the state of the one before. A copy costs something too, so the tree divides only where enough tokens are shared.
 */

/** A text: its ids without the last are read, and those from `first` on are scored. */
export interface Leaf {
  readonly ids: ArrayLike<number>;
  /** 1 at least. */
  readonly first: number;
}

export interface Node<L extends Leaf> {
  readonly parent: Node<L> | undefined;
  /** It reads positions start..end of these ids. */
  readonly ids: ArrayLike<number>;
  readonly start: number;
  readonly end: number;
  readonly children: Node<L>[];
  /** Texts of which nothing is left to be read after it. */
  readonly leaves: readonly L[];
  /** By position: the ids whose probabilities after it are wanted. */
  readonly targets: Map<number, number[]>;
}

export interface TreeOptions {
  /** False: every text is read by itself. */
  readonly shares?: boolean;
}

/** Tokens that a copy of a state must save. */
const COPY_TOKENS = 8;

/** Sorted texts from..to, which agree up to `agreed` and are read from `start` on. */
interface Span<L extends Leaf> {
  readonly parent: Node<L> | undefined;
  readonly siblings: Node<L>[];
  readonly start: number;
  readonly agreed: number;
  /** Texts that are beginnings of these. */
  readonly riders: readonly L[];
  readonly from: number;
  readonly to: number;
}

/** The nodes that begin the texts. Each text has a token to be read at least. */
export function treeOf<L extends Leaf>(texts: readonly L[], { shares = true }: TreeOptions = {}): Node<L>[] {
  const roots: Node<L>[] = [];
  if (!shares) return texts.map((text) => nodeOf(undefined, 0, [text]));
  const sorted = [...texts].sort(compare);
  const whole = { parent: undefined, siblings: roots, start: 0, agreed: 0, riders: [], from: 0, to: sorted.length };
  const spans: Span<L>[] = texts.length > 0 ? [whole] : [];
  for (let span = spans.pop(); span; span = spans.pop()) {
    const { parent, siblings, start, agreed, from, to } = span;
    // Of sorted texts, all share what the first and the last do.
    const end = commonLength(sorted[from] as L, sorted[to - 1] as L, agreed);
    const longer = firstLonger(sorted, from, to, end);
    const ended = [...span.riders, ...sorted.slice(from, longer)];
    if (longer === to) {
      siblings.push(nodeOf(parent, start, ended));
      continue;
    }
    const groups = groupsAt(sorted, longer, to, end);
    const saved = (groups.length - 1) * (end - start);
    const divides = end > start && saved > 0 && saved >= groups.length * COPY_TOKENS;
    const node = divides ? nodeOf(parent, start, ended, { ids: (sorted[longer] as L).ids, end }) : undefined;
    if (node) siblings.push(node);
    const next = node
      ? { parent: node, siblings: node.children, start: end, riders: [] }
      : { parent, siblings, start, riders: [] };
    for (const [i, group] of groups.entries())
      spans.push({ ...next, ...group, agreed: end, riders: !node && i === 0 ? ended : [] });
  }
  for (const list of [roots, ...allOf(roots).map(({ children }) => children)]) list.reverse(); // in the order of the texts
  return roots;
}

/** All nodes of the tree. */
export function allOf<L extends Leaf>(roots: readonly Node<L>[]): Node<L>[] {
  const found = [...roots];
  for (const node of found) found.push(...node.children); // a loop over an array also visits what is added to it
  return found;
}

/** How many of a text's tokens are read: not the last, after which nothing is predicted. */
export const readLength = ({ ids }: Leaf): number => ids.length - 1;

interface Piece {
  readonly ids: ArrayLike<number>;
  readonly end: number;
}

function nodeOf<L extends Leaf>(
  parent: Node<L> | undefined,
  start: number,
  leaves: readonly L[],
  piece?: Piece,
): Node<L> {
  const longest = leaves.reduce((most, leaf) => (leaf.ids.length > most.ids.length ? leaf : most), leaves[0] as L);
  const { ids, end } = piece ?? { ids: longest.ids, end: readLength(longest) };
  const node: Node<L> = { parent, ids, start, end, children: [], leaves, targets: new Map() };
  for (const leaf of leaves) want(node, leaf);
  return node;
}

function want<L extends Leaf>(last: Node<L>, { ids, first }: L): void {
  let node: Node<L> | undefined = last;
  for (let at = ids.length - 2; node && at >= first - 1; at--) {
    while (node && at < node.start) node = node.parent;
    if (!node) return;
    const target = ids[at + 1] as number;
    const known = node.targets.get(at);
    if (!known) node.targets.set(at, [target]);
    else if (!known.includes(target)) known.push(target);
  }
}

function compare(a: Leaf, b: Leaf): number {
  const [left, right] = [readLength(a), readLength(b)];
  const shorter = Math.min(left, right);
  for (let i = 0; i < shorter; i++) if (a.ids[i] !== b.ids[i]) return (a.ids[i] as number) - (b.ids[i] as number);
  return left - right;
}

/** Length of the common beginning of what is read, at least `known`. */
function commonLength(a: Leaf, b: Leaf, known: number): number {
  const shorter = Math.min(readLength(a), readLength(b));
  let length = known;
  while (length < shorter && a.ids[length] === b.ids[length]) length++;
  return length;
}

/** The first of the sorted texts from..to that is longer than what they share. */
function firstLonger(sorted: readonly Leaf[], from: number, to: number, length: number): number {
  let at = from;
  while (at < to && readLength(sorted[at] as Leaf) === length) at++;
  return at;
}

/** The texts from..to divided by their token at this position. */
function groupsAt(sorted: readonly Leaf[], from: number, to: number, position: number): { from: number; to: number }[] {
  const groups: { from: number; to: number }[] = [];
  for (let at = from; at < to; at++) {
    const last = groups.at(-1);
    if (last && sorted[at]?.ids[position] === sorted[last.from]?.ids[position]) last.to = at + 1;
    else groups.push({ from: at, to: at + 1 });
  }
  return groups;
}
