/** State files that `run` loads, continues and replaces. */
import {
  type Adapter,
  bothTraces,
  CheckpointError,
  describeState,
  encodeMore,
  type InterventionSet,
  loadState,
  type Model,
  type OpenedModel,
  type Prompt,
  type State,
  type StateDescription,
  sequenceOf,
  UsageError,
} from '../src/node.ts';
import type { EncodeFlags } from './model-options.ts';

export interface StateFlags {
  readonly saveState?: string;
  readonly loadState?: string;
  readonly continue?: boolean;
  readonly force?: boolean;
}

export interface DescribedStates {
  /** The loaded state, with --continue. */
  readonly goesOnFrom: StateDescription | undefined;
  /** The existing state in the file of --save-state, unless --force is given. */
  readonly replaced: StateDescription | undefined;
}

/** Describes the states. Throws when --continue has no state to continue, and when the file of --load-state holds no state. */
export async function describeStates(flags: StateFlags): Promise<DescribedStates> {
  const { loadState: from, saveState: to, continue: goesOn, force } = flags;
  if (goesOn && from === undefined)
    throw new UsageError('--continue goes on from a state: give its file with --load-state.');
  const loaded = from === undefined ? undefined : await describeState(from);
  if (from !== undefined && !loaded)
    throw new CheckpointError(`${from} holds no saved state: wanted a file that --save-state wrote, as it wrote it.`);
  const replaced = to === undefined || force ? undefined : await describeState(to);
  return { goesOnFrom: goesOn ? loaded : undefined, replaced };
}

/** All ids of a state and of the prompt that continues it. Throws UsageError when the prompt is empty, or exceeds the context. */
export function appended(
  opened: OpenedModel,
  { ids }: StateDescription,
  prompt: Prompt,
  options: EncodeFlags = {},
): readonly number[] {
  const more = encodeMore(opened, prompt, options);
  if (more.length === 0) throw new UsageError('the prompt is empty: give at least one character to go on with.');
  const { contextLength } = opened.model.facts;
  const reach = ids.length + more.length;
  if (contextLength !== undefined && reach > contextLength)
    throw new UsageError(
      `the state has read ${ids.length} tokens and the prompt adds ${more.length}, but this model reads at most ${contextLength}: ` +
        'give a shorter prompt, or begin anew without --continue.',
    );
  return [...ids, ...more];
}

/** Throws UsageError when the new state, which reads `ids` and more, would not begin with the ids of the state that it replaces. */
export function checkKeeps(
  opened: OpenedModel,
  ids: readonly number[],
  replaced: StateDescription | undefined,
  { saveState: file }: StateFlags,
): void {
  if (!replaced || (replaced.family === opened.family && replaced.ids.every((id, i) => id === ids[i]))) return;
  throw new UsageError(
    `${file} remembers ${replaced.ids.length} tokens that the new state would not: they would be lost. Give --load-state and --continue ` +
      'to go on from them, another file to --save-state, or --force to replace it.',
  );
}

/** A state, if one is to be loaded or saved. It has read a part of `ids`, but not the last. */
export async function stateFor(
  model: Model,
  ids: readonly number[],
  flags: StateFlags,
  {
    interventions,
    adapter,
  }: { readonly interventions: InterventionSet | undefined; readonly adapter: Adapter | undefined },
): Promise<State | undefined> {
  const { loadState: file, saveState, continue: goesOn } = flags;
  if (file === undefined) return saveState === undefined ? undefined : model.newState();
  const state = await loadState(model, file);
  const under = interventions && sequenceOf(model.checkInterventions(interventions), { promptLength: ids.length });
  const known = goesOn ? state.length : state.reusable(ids, bothTraces(adapter, under));
  const front = model.tokenizer?.frontIds.length ?? 0;
  const sameText = state.ids.slice(front).every((id, i) => id === ids[front + i]);
  if (known <= front && state.length > front) {
    const hint = goesOn ? '' : '; with --continue, the prompt would be appended to it';
    const why = sameText ? 'was made under other interventions or another adapter' : 'is of another text';
    process.stderr.write(`warning: ${file} ${why}; all of the prompt is read${hint}.\n`);
  }
  await state.rewind(known);
  return state;
}
