/** The numbers of a figure as a table: for reading, copying and screen readers. */
import type { Figure } from '../figures/figure.ts';
import { element } from './element.ts';

type Cell = string | number | null;

export function dataTable(figure: Figure): HTMLTableElement {
  const { columns, rows } = cellsOf(figure);
  const isNumber = columns.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] !== 'string'));
  const marked = (cell: HTMLElement, i: number) => {
    if (isNumber[i]) cell.className = 'number';
    return cell;
  };
  const heads = columns.map((name, i) => {
    if (name === '') return element('td'); // an empty heading says nothing
    const head = element('th', name);
    head.scope = 'col';
    return marked(head, i);
  });
  const body = rows.map((row) =>
    element('tr', ...row.map((cell, i) => marked(element('td', cell === null ? '' : String(cell)), i))),
  );
  return element('table', element('thead', element('tr', ...heads)), element('tbody', ...body));
}

function cellsOf(figure: Figure): { columns: readonly string[]; rows: readonly (readonly Cell[])[] } {
  switch (figure.kind) {
    case 'table':
      return figure;
    case 'heatmap':
      return {
        columns: [`${figure.y.label} \\ ${figure.x.label}`, ...figure.x.ticks],
        rows: figure.y.ticks.map((tick, r) => [
          tick,
          ...figure.x.ticks.map((_, c) => {
            const [text, value] = [figure.texts?.[r]?.[c], shortNumber(figure.values[r]?.[c] ?? null)];
            return text ? `${text}  ${value ?? ''}` : value;
          }),
        ]),
      };
    case 'bars':
    case 'lines':
      return {
        columns: [figure.places.label, ...figure.series.map(({ name }) => name || figure.measure)],
        rows: figure.places.ticks.map((tick, i) => [
          tick,
          ...figure.series.map(({ values }) => shortNumber(values[i] ?? null)),
        ]),
      };
  }
}

/** As many digits as tell numbers apart. */
export const shortNumber = (value: number | null): number | null =>
  value === null ? null : Number(value.toPrecision(4));
