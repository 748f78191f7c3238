/** What compare.mjs prints. */
import { median } from '../peers/table.mjs';

/** The number below which this share of all lies. */
function quantile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/** As Markdown. Percentiles are of all rounds together; a ratio is that of two processes of one round: its median, least and most. */
export function table({ cpu, memoryBytes, date, busy, versions, threads, promptTokens, newTokens, rounds, results }) {
  const percent = (share) => Math.round(100 * share);
  const linesOf = ({ shape, formats, clients, sides }) =>
    ['ours', 'llama.cpp'].map((side) => {
      const all = sides[side];
      const ratios = sides.ours.map(
        ({ tokensPerSecond }, i) => tokensPerSecond / sides['llama.cpp'][i].tokensPerSecond,
      );
      const ends = [Math.min, Math.max].map((of) => of(...ratios).toFixed(2));
      const milliseconds = (key) =>
        [0.5, 0.99]
          .map((share) =>
            quantile(
              all.flatMap((one) => one[key]),
              share,
            ).toPrecision(3),
          )
          .join(', ');
      const peak = all.map(({ peakBytes }) => peakBytes).filter((bytes) => bytes !== undefined);
      const cells = [
        ...[shape, formats, clients, side, median(all.map((one) => one.tokensPerSecond)).toPrecision(3)],
        ...[milliseconds('first'), milliseconds('between')],
        peak.length > 0 ? (median(peak) / 2 ** 20).toFixed(0) : '-',
        side === 'ours' ? `${median(ratios).toFixed(2)} (${ends.join(' to ')})` : '',
      ];
      return `| ${cells.join(' | ')} |`;
    });
  return [
    `${cpu}, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB, ${date}, ${threads} threads`,
    `- cores in use when processes began: ${percent(median(busy))}%, at most ${percent(Math.max(...busy))}%`,
    ...versions.map((version) => `- ${version}`),
    '',
    `Prompts of ${promptTokens} tokens, answers of ${newTokens}; ${rounds} rounds. New tokens per second of all clients together; milliseconds to the first token and`,
    'between tokens, at the 50th and 99th percentile; ratio of tokens per second of a round (least to most).',
    '',
    '| shape | formats | clients | | tokens/s | first: 50th, 99th | between: 50th, 99th | peak MiB | ratio |',
    '|---|---|---|---|---|---|---|---|---|',
    ...results.flatMap(linesOf),
  ].join('\n');
}
