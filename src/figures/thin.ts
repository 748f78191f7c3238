/** Keeps a report at a size that a page bears; what was left out is said in its notes, and stays in --json. */
import type { Axis, Bars, Figure, Heatmap, Lines, Report, Series, Table } from './figure.ts';

export interface Limits {
  /** Of one heat map. */
  readonly columns: number;
  readonly rows: number;
  /** Of bars, and of lines where they are not thinned. */
  readonly places: number;
  readonly tableRows: number;
  /** Of all figures together: cells, bars, points of lines, cells of tables. */
  readonly marks: number;
}

export const PAGE_LIMITS: Limits = { columns: 160, rows: 160, places: 400, tableRows: 2000, marks: 250_000 };

/** Figures that are too large show their last places; those for which a page has no room are left out. */
export function thinReport(report: Report, limits: Limits = PAGE_LIMITS): Report {
  const notes: string[] = [...(report.notes ?? [])];
  const figures: Figure[] = [];
  const omitted: string[] = [];
  let marks = 0;
  for (const given of report.figures) {
    const figure = thinFigure(given, limits, (note) => notes.push(`${given.title}: ${note}`));
    const more = marksOf(figure);
    if (marks + more > limits.marks) omitted.push(figure.title);
    else {
      marks += more;
      figures.push(figure);
    }
  }
  if (omitted.length > 0) notes.push(`Left out, since the page would be too large: ${listed(omitted)}.`);
  return { ...report, figures, notes };
}

const SHOWN_NAMES = 10;

const listed = (names: readonly string[]): string =>
  names.length <= SHOWN_NAMES
    ? names.join('; ')
    : `${names.slice(0, SHOWN_NAMES).join('; ')}; and ${names.length - SHOWN_NAMES} more`;

function marksOf(figure: Figure): number {
  switch (figure.kind) {
    case 'heatmap':
      return figure.x.ticks.length * figure.y.ticks.length;
    case 'bars':
    case 'lines':
      return figure.places.ticks.length * figure.series.length;
    case 'table':
      return figure.rows.length * figure.columns.length;
  }
}

function thinFigure(figure: Figure, limits: Limits, note: (text: string) => void): Figure {
  switch (figure.kind) {
    case 'heatmap':
      return thinHeatmap(figure, limits, note);
    case 'bars':
      return thinBars(figure, limits, note);
    case 'lines':
      return thinLines(figure, limits, note);
    case 'table':
      return thinTable(figure, limits, note);
  }
}

type Note = (text: string) => void;

const lastTicks = ({ label, ticks }: Axis, count: number): Axis => ({ label, ticks: ticks.slice(-count) });

function thinHeatmap(figure: Heatmap, { columns, rows }: Limits, note: Note): Heatmap {
  const [width, height] = [figure.x.ticks.length, figure.y.ticks.length];
  if (width <= columns && height <= rows) return figure;
  const cut = <T>(grid: readonly (readonly T[])[]) => grid.slice(-rows).map((row) => row.slice(-columns));
  const parts = [
    ...(width > columns ? [`the last ${columns} of ${width} columns`] : []),
    ...(height > rows ? [`the last ${rows} of ${height} rows`] : []),
  ];
  note(`only ${parts.join(' and ')} are shown.`);
  return {
    ...figure,
    x: lastTicks(figure.x, columns),
    y: lastTicks(figure.y, rows),
    values: cut(figure.values),
    texts: figure.texts && cut(figure.texts),
    hover: figure.hover && cut(figure.hover),
  };
}

const lastValues = (series: readonly Series[], count: number): Series[] =>
  series.map(({ name, values }) => ({ name, values: values.slice(-count) }));

function thinBars(figure: Bars, { places }: Limits, note: Note): Bars {
  const count = figure.places.ticks.length;
  if (count <= places) return figure;
  note(`only the last ${places} of ${count} bars are shown.`);
  return {
    ...figure,
    places: lastTicks(figure.places, places),
    series: lastValues(figure.series, places),
    hover: figure.hover?.slice(-places),
  };
}

/** Of each stretch of places, the least and the greatest number of each series stay, so that peaks are seen. */
function thinLines(figure: Lines, { places }: Limits, note: Note): Lines {
  const count = figure.places.ticks.length;
  if (count <= places) return figure;
  const stretch = Math.ceil((2 * count * Math.max(1, figure.series.length)) / places);
  const kept = new Set<number>();
  for (let from = 0; from < count; from += stretch) {
    const to = Math.min(count, from + stretch);
    for (const { values } of figure.series) for (const i of extremes(values, from, to)) kept.add(i);
  }
  const order = [...kept].sort((a, b) => a - b);
  const pick = <T>(all: readonly T[]) => order.map((i) => all[i] as T);
  note(`${order.length} of ${count} places are drawn: of every ${stretch}, the least and the greatest of each line.`);
  return {
    ...figure,
    places: { label: figure.places.label, ticks: pick(figure.places.ticks) },
    series: figure.series.map(({ name, values }) => ({ name, values: pick(values) })),
    at: figure.at ? pick(figure.at) : order,
  };
}

function extremes(values: readonly (number | null)[], from: number, to: number): number[] {
  let [least, most] = [from, from];
  for (let i = from; i < to; i++) {
    if ((values[i] ?? Number.POSITIVE_INFINITY) < (values[least] ?? Number.POSITIVE_INFINITY)) least = i;
    if ((values[i] ?? Number.NEGATIVE_INFINITY) > (values[most] ?? Number.NEGATIVE_INFINITY)) most = i;
  }
  return [least, most];
}

function thinTable(figure: Table, { tableRows }: Limits, note: Note): Table {
  const count = figure.rows.length;
  if (count <= tableRows) return figure;
  note(`only the first ${tableRows} of ${count} rows are shown.`);
  return { ...figure, rows: figure.rows.slice(0, tableRows) };
}
