/** What compare.mjs prints. */

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

/** Tokens per second of both sides, and ratios ours / theirs of single rounds, as a Markdown table. */
export function table({ cpu, memoryBytes, date, busy, coreShares, versions, layers, rounds, repeats, rows, remarks }) {
  const speed = (numbers) => (numbers.length > 0 ? median(numbers).toPrecision(3) : '-');
  const ratio = (ratios) => {
    if (ratios.length === 0) return '-';
    const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
    return `${median(ratios).toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`;
  };
  const percent = (shares) =>
    [median(shares), Math.min(...shares), Math.max(...shares)].map((x) => Math.round(100 * x));
  const [inUse, , mostInUse] = percent(busy);
  const [got, leastGot] = percent(coreShares);
  return [
    `${cpu}, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB, ${date}`,
    `- cores in use when processes began: ${inUse}%, at most ${mostInUse}%`,
    ...(coreShares.length > 0 ? [`- cores that measured threads got: ${got}%, at least ${leastGot}%`] : []),
    ...versions.map((version) => `- ${version}`),
    ...(layers ? [`- only ${layers} layers of each model: for trying this out`] : []),
    '',
    `Tokens per second, medians of ${rounds} rounds of ${repeats}; ratio ours / theirs of a round (least to most).`,
    '',
    '| shape | formats | peer | threads | | ours | theirs | ratio |',
    '|---|---|---|---|---|---|---|---|',
    ...rows.map(({ shape, format, peer, threads, what, ours, theirs, ratios }) => {
      const cells = [shape, format, peer, threads, what, speed(ours), speed(theirs), ratio(ratios)];
      return `| ${cells.join(' | ')} |`;
    }),
    ...(remarks.length > 0 ? ['', 'Not measured:', ...remarks.map((remark) => `- ${remark}`)] : []),
  ].join('\n');
}
