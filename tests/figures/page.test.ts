/** Pages are one file; what stands in a report cannot become part of the page's code, and no page grows beyond what a browser bears. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Report } from '../../src/figures/figure.ts';
import { pageWith, reportPage } from '../../src/figures/page.ts';
import { PAGE_LIMITS, thinReport } from '../../src/figures/thin.ts';
import { tokenLabel } from '../../src/figures/token-label.ts';
import { example } from './example.ts';

const reportIn = (page: string): unknown =>
  JSON.parse(/<script type="application\/json" id="report">(.*?)<\/script>/s.exec(page)?.[1] ?? '');

describe('a page', () => {
  test('is one file that may ask the network for nothing', async () => {
    const page = await reportPage(example);
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(/<(script|link|img|iframe)[^>]+(src|href)="(?!data:)/);
    expect(page).toContain('Permission to use, copy, modify'); // the licences of what is in it
    expect(page.length).toBeLessThan(350_000);
  });

  test('holds any text as data', () => {
    const hostile = fc.constantFrom(
      '</script>',
      '<!--',
      '<script>',
      '\u2028',
      '&lt;',
      '"',
      "'",
      '\\',
      '\ud800',
      ']]>',
      '\0',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(hostile, fc.string({ unit: 'binary' }))), (parts) => {
        const title = parts.join('');
        const report: Report = { title, facts: [[title, title]], figures: [], notes: [title] };
        const page = pageWith('draw()', report);
        expect(reportIn(page)).toEqual(JSON.parse(JSON.stringify(report)));
        const tags = [...page.matchAll(/<\/?script|<!--/gi)].map(([tag]) => tag);
        expect(tags).toEqual(['<script', '</script', '<script', '</script']);
      }),
    );
  });

  test('a script cannot end its element', () => {
    expect(pageWith('const s = "</SCRIPT><!--<script>";', example)).toContain(
      String.raw`"\x3c/SCRIPT>\x3c!--\x3cscript>"`,
    );
  });
});

describe('a report that is too large', () => {
  const ticks = (count: number) => Array.from({ length: count }, (_, i) => `${i}`);

  test('a small one stays as it is', () => {
    expect(thinReport(example)).toEqual(example);
  });

  test('a heat map keeps its last rows and columns, and says so', () => {
    const values = ticks(1000).map((_, row) => ticks(1000).map((_, column) => row * 1000 + column));
    const axis = { label: 'token', ticks: ticks(1000) };
    const map = { kind: 'heatmap', title: 'M', x: axis, y: axis, measure: 'n', values } as const;
    const { figures, notes } = thinReport({ title: '', facts: [], figures: [map] });
    expect(figures[0]).toMatchObject({ x: { ticks: ticks(1000).slice(-PAGE_LIMITS.columns) } });
    const [figure] = figures as [typeof map];
    expect(figure.values.length).toBe(PAGE_LIMITS.rows);
    expect(figure.values.at(-1)?.at(-1)).toBe(999_999);
    expect(notes?.[0]).toMatch(/M: only the last 160 of 1000 columns and the last 160 of 1000 rows/);
  });

  test('lines keep their peaks, and where these lie', () => {
    const values = ticks(10_000).map((_, i) => (i === 7777 ? 99 : i % 10));
    const other = ticks(10_000).map((_, i) => (i === 1234 ? -99 : i % 7));
    const { figures } = thinReport({
      ...{ title: '', facts: [] },
      figures: [
        {
          kind: 'lines',
          title: 'L',
          places: { label: 'token', ticks: ticks(10_000) },
          measure: 'n',
          series: [
            { name: 'a', values },
            { name: 'b', values: other },
          ],
        },
      ],
    });
    const [figure] = figures;
    if (figure?.kind !== 'lines') throw new Error('wanted lines');
    expect(figure.at?.length).toBeLessThanOrEqual(PAGE_LIMITS.places);
    expect(figure.series[0]?.values[figure.at?.indexOf(7777) ?? -1]).toBe(99);
    expect(figure.series[1]?.values[figure.at?.indexOf(1234) ?? -1]).toBe(-99);
  });

  test('figures for which there is no room are named', () => {
    const axis = { label: 'token', ticks: ticks(150) };
    const values = ticks(150).map(() => ticks(150).map(Number));
    const figures = ticks(20).map(
      (title) => ({ kind: 'heatmap', title, x: axis, y: axis, measure: 'n', values }) as const,
    );
    const thinned = thinReport({ title: '', facts: [], figures });
    expect(thinned.figures.length).toBe(11);
    expect(thinned.notes?.[0]).toBe('Left out, since the page would be too large: 11; 12; 13; 14; 15; 16; 17; 18; 19.');
  });
});

test('labels of tokens show what would not be seen', () => {
  expect(tokenLabel(' she')).toBe('␣she');
  expect(tokenLabel('\n\t')).toBe('⏎⇥');
  expect(tokenLabel('a\u202eb\0')).toBe('a\\u{202e}b\\u{0}');
  expect(tokenLabel('café नी')).toBe('café␣नी');
  expect([...tokenLabel('x'.repeat(99))].length).toBe(24);
});
