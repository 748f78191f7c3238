/** What compare.mjs prints. */
import { median } from '../peers/table.mjs';

/** Of one process: seconds of each part, and tokens per second of whole steps. */
function speedsOf({ forward, gradients, update, products, peak, peakBytes }, tokens) {
  const [forwards, both, updates] = [forward, gradients, update].map(median);
  const own = products && { multiplyAdds: products.gradients / both, share: products.gradients / both / median(peak) };
  return {
    ...{ forward: forwards, backward: both - forwards, update: updates, tokensPerSecond: tokens / (both + updates) },
    ...{ peakBytes, ...own },
  };
}

const medianOf = (all, key) => {
  const known = all.map((one) => one[key]).filter((value) => value !== undefined);
  return known.length > 0 ? median(known) : undefined;
};

/** As Markdown. A ratio is that of two processes of one round: its median, least and most. */
export function table({ cpu, memoryBytes, date, busy, versions, layers, rounds, repeats, results, remarks }) {
  const digits = (value) => (value === undefined ? '-' : value.toPrecision(3));
  const percent = (share) => Math.round(100 * share);
  const rowsOf = ({ shape, rows, tokens, sides }) => {
    const speeds = Object.entries(sides).map(([side, all]) => [side, all.map((one) => speedsOf(one, rows * tokens))]);
    const ours = Object.fromEntries(speeds).ours;
    return speeds.map(([side, all]) => {
      const pairs = Math.min(all.length, ours?.length ?? 0);
      const ratios = all.slice(0, pairs).map((one, i) => ours[i].tokensPerSecond / one.tokensPerSecond);
      const ends = [Math.min, Math.max].map((of) => of(...ratios).toFixed(2));
      const of = (key) => medianOf(all, key);
      const [multiplyAdds, share, bytes] = ['multiplyAdds', 'share', 'peakBytes'].map(of);
      const cells = [
        ...[shape, `${rows} x ${tokens}`, side, Math.round(of('tokensPerSecond'))],
        ...['forward', 'backward', 'update'].map((part) => digits(of(part))),
        multiplyAdds === undefined ? '-' : `${digits(multiplyAdds / 1e9)}, ${share.toFixed(2)}`,
        (bytes / 2 ** 20).toFixed(0),
        side === 'ours' || pairs === 0 ? '' : `${median(ratios).toFixed(2)} (${ends.join(' to ')})`,
      ];
      return `| ${cells.join(' | ')} |`;
    });
  };
  return [
    `${cpu}, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB, ${date}`,
    `- cores in use when processes began: ${percent(median(busy))}%, at most ${percent(Math.max(...busy))}%`,
    ...versions.map((version) => `- ${version}`),
    ...(layers ? [`- only ${layers} layers of each model: for trying this out`] : []),
    '',
    `Medians of ${rounds} rounds of ${repeats}. Seconds of a step's parts; billion multiply-adds per second of forward and backward, and their share of a bare loop;`,
    'ratio of tokens per second, ours to theirs, of a round (least to most).',
    '',
    '| shape | rows x tokens | | tokens/s | forward | backward | optimiser | multiply-adds, share | MiB | ratio |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...results.flatMap(rowsOf),
    ...(remarks.length > 0 ? ['', 'Not measured:', ...remarks.map((remark) => `- ${remark}`)] : []),
  ].join('\n');
}
