/** Packed sequences, as commands take them: those that stand side by side and have equally many tokens share one. */

export interface Run {
  /** Of the sequences. */
  readonly first: number;
  readonly count: number;
  /** First row of the first sequence. */
  readonly row: number;
  /** Of each sequence, at least 1. */
  readonly tokens: number;
}

export function runsOf(starts: readonly number[]): Run[] {
  const runs: Run[] = [];
  for (let i = 0; i + 1 < starts.length; i++) {
    const row = starts[i] as number;
    const tokens = (starts[i + 1] as number) - row;
    const last = runs.at(-1);
    if (last && last.tokens === tokens && last.first + last.count === i)
      runs.splice(-1, 1, { ...last, count: last.count + 1 });
    else if (tokens > 0) runs.push({ first: i, count: 1, row, tokens });
  }
  return runs;
}
