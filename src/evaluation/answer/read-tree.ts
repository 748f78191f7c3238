/**
 * Reads a tree of texts (tree.ts) on an engine: many pieces in one step, and first those that go on from what was read last, so that few states
 * are kept.
 */
import { PAGE_ROWS, pagesFor } from '../../base/pages.ts';
import type { SequenceInterventions } from '../../interventions/sequence.ts';
import type { Engine, Request, RequestAdapter } from '../../runtime/engine.ts';
import { Reader } from '../../runtime/reader.ts';
import type { State } from '../../runtime/state.ts';
import { Bf16Scores, F32Scores, type Questions, type Scores, summaryRequest, toBf16 } from './row-scores.ts';
import type { Leaf, Node } from './tree.ts';

export type SoftmaxDtype = 'f32' | 'bf16';

export interface ReadTreeOptions<L extends Leaf> {
  readonly softmaxDtype: SoftmaxDtype;
  /** Most tokens of a step. */
  readonly stepTokens: number;
  /** About the most bytes that states may take. A text that alone takes more is read all the same. */
  readonly stateBytes: number;
  readonly adapter?: RequestAdapter | undefined;
  /** The same for all texts of a node. */
  readonly interventionsOf?: ((leaf: L) => SequenceInterventions | undefined) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a text came to: the sum over its scored tokens, and whether each of them is the most likely one. */
export type LeafResult = { readonly logProbability: number; readonly isGreedy: boolean } | { readonly error: unknown };

export interface LeafDone<L extends Leaf> {
  readonly leaf: L;
  readonly result: LeafResult;
}

interface NodeRequest<L extends Leaf> extends Request {
  readonly node: Node<L>;
  readonly bytes: number;
}

/** Yields each text when it was read to its end. Throws when a step fails, with all texts that were not yielded. */
export async function* readTree<L extends Leaf>(
  engine: Engine,
  roots: readonly Node<L>[],
  options: ReadTreeOptions<L>,
): AsyncGenerator<LeafDone<L>> {
  const reader = new Reader<NodeRequest<L>>(engine, { stepTokens: options.stepTokens });
  const scores = new Map<Node<L>, Scores>();
  const states = new States<L>(engine);
  /** Nodes that can be read, the next one last. */
  const ready = [...roots].reverse();
  let [openTokens, openBytes] = [0, 0];
  try {
    while (ready.length > 0 || reader.open > 0) {
      options.signal?.throwIfAborted();
      for (let node = ready.at(-1); node && openTokens < options.stepTokens; node = ready.at(-1)) {
        const bytes = bytesOf(engine, node);
        if (reader.open > 0 && engine.pool.usedBytes + openBytes + bytes > options.stateBytes) break;
        ready.pop();
        const { request, found } = ask(engine, node, options);
        if (found) scores.set(node, found);
        reader.add({ ...request, node, bytes, state: await states.begin(node) });
        openTokens += node.end - node.start;
        openBytes += bytes;
      }
      for (const { request, output, failure } of await reader.round()) {
        if (failure) throw failure.error;
        const { node, state, bytes } = request;
        openTokens -= node.end - node.start;
        openBytes -= bytes;
        if (request.summary) scores.set(node, new F32Scores(questionsOf(node), output, request.summary));
        for (const leaf of node.leaves) yield { leaf, result: resultOf(leaf, node, scores, options) };
        states.end(node, state);
        ready.push(...node.children.toReversed());
      }
    }
  } finally {
    states.dispose();
  }
}

/** The states of nodes that are read, and of those from which others will go on. */
class States<L extends Leaf> {
  readonly #engine: Engine;
  readonly #all = new Set<State>();
  /** With the number of children that did not begin yet. */
  readonly #kept = new Map<Node<L>, { readonly state: State; left: number }>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** The state to read a node with. The last child goes on with the state of its parent, the others with copies. */
  async begin({ parent }: Node<L>): Promise<State> {
    const above = parent && this.#kept.get(parent);
    if (above && above.left === 1) {
      this.#kept.delete(parent);
      return above.state;
    }
    if (above) above.left--;
    const state = above ? await above.state.clone() : this.#engine.newState();
    this.#all.add(state);
    return state;
  }

  end(node: Node<L>, state: State): void {
    if (node.children.length > 0) {
      this.#kept.set(node, { state, left: node.children.length });
      return;
    }
    this.#all.delete(state);
    state.dispose();
  }

  dispose(): void {
    for (const state of this.#all) state.dispose();
  }
}

function questionsOf({ targets }: Node<Leaf>): Questions {
  const positions = [...targets.keys()].sort((a, b) => a - b);
  return { positions, targets: positions.map((position) => targets.get(position) as number[]) };
}

function someLeaf<L extends Leaf>(node: Node<L>): L {
  let at = node;
  while (at.leaves.length === 0) at = at.children[0] as Node<L>;
  return at.leaves[0] as L;
}

/** The request that reads a node, without its state; and who takes its logits, if these are wanted as they are. */
function ask<L extends Leaf>(
  engine: Engine,
  node: Node<L>,
  { softmaxDtype, adapter, interventionsOf, signal }: ReadTreeOptions<L>,
): { readonly request: Omit<Request, 'state'>; readonly found?: Scores } {
  const { ids, start, end } = node;
  const questions = questionsOf(node);
  const rows = questions.positions.map((position) => position - start);
  const interventions = interventionsOf?.(someLeaf(node));
  const request = { ids: Array.from(ids).slice(start, end), rows, adapter, interventions, signal };
  if (rows.length === 0) return { request };
  if (softmaxDtype === 'f32') return { request: { ...request, summary: summaryRequest(questions) } };
  const found = new Bf16Scores(questions, engine.model.facts.vocabSize);
  return { request: { ...request, visit: (first, logits) => found.take(first, logits) }, found };
}

/** Sums from the first scored token to the last, so that it does not matter how a text was divided. */
function resultOf<L extends Leaf>(
  { ids, first }: L,
  last: Node<L>,
  scores: ReadonlyMap<Node<L>, Scores>,
  { softmaxDtype }: Pick<ReadTreeOptions<L>, 'softmaxDtype'>,
): LeafResult {
  const path: Node<L>[] = [];
  for (let node: Node<L> | undefined = last; node && node.end >= first; node = node.parent) path.push(node);
  let logProbability = 0;
  let isGreedy = true;
  try {
    for (const node of path.reverse()) {
      const from = Math.max(first - 1, node.start);
      const to = Math.min(ids.length - 1, node.end);
      for (let at = from; at < to; at++) {
        const score = (scores.get(node) as Scores).of(at, ids[at + 1] as number);
        logProbability += score.logProbability;
        isGreedy &&= score.isBest;
      }
    }
  } catch (error) {
    return { error };
  }
  return { logProbability: softmaxDtype === 'bf16' ? toBf16(logProbability) : logProbability, isGreedy };
}

/** Bytes that a node adds to the states, with the copy of what it goes on from. */
function bytesOf({ pool }: Engine, { start, end }: Node<Leaf>): number {
  return (pagesFor(end) - Math.floor(start / PAGE_ROWS)) * pool.pages.unitBytes + pool.slots.unitBytes;
}
