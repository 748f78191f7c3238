/** The script of a page: draws the report that the page holds, each figure when it comes near to what is seen. */
import type { Figure, Report } from '../figures/figure.ts';
import { dataTable } from './data-table.ts';
import { element } from './element.ts';
import { plotOf } from './plots.ts';

function draw(report: Report, page: HTMLElement): void {
  page.replaceChildren(element('h1', report.title), factList(report.facts));
  const figures = report.figures.map((figure) => sectionOf(figure));
  page.append(...figures);
  const { notes = [] } = report;
  if (notes.length > 0) page.append(element('ul', ...notes.map((note) => element('li', note))));
}

function factList(facts: Report['facts']): HTMLElement {
  const list = element('dl');
  for (const [name, value] of facts) list.append(element('dt', name), element('dd', value));
  return list;
}

function sectionOf(figure: Figure): HTMLElement {
  const section = element('section', element('h2', figure.title));
  if (figure.about !== undefined) section.append(element('p', figure.about));
  if (figure.kind === 'table') {
    section.append(scrolling(dataTable(figure)));
    return section;
  }
  const drawing = element('div');
  drawing.className = 'drawing';
  drawing.style.minHeight = '160px'; // so that not all are near while none is drawn
  section.append(drawing, numbersOf(figure));
  let drawnFor = '';
  const redraw = () => {
    const width = Math.floor(drawing.clientWidth);
    const wanted = `${width} ${dark.matches}`;
    if (width === 0 || wanted === drawnFor) return;
    drawnFor = wanted;
    drawing.replaceChildren(...plotOf(figure, { width, dark: dark.matches }));
    drawing.style.minHeight = '';
  };
  whenNear(drawing, () => {
    redraw();
    new ResizeObserver(redraw).observe(drawing);
    dark.addEventListener('change', redraw);
  });
  window.addEventListener('beforeprint', redraw);
  return section;
}

const dark = matchMedia('(prefers-color-scheme: dark)');

/** The numbers as a table, made when somebody opens it. */
function numbersOf(figure: Figure): HTMLElement {
  const details = element('details', element('summary', 'Numbers'));
  const open = () => details.append(scrolling(dataTable(figure)));
  details.addEventListener('toggle', open, { once: true });
  return details;
}

function scrolling(content: HTMLElement): HTMLElement {
  const box = element('div', content);
  box.className = 'scroll';
  box.tabIndex = 0; // so that the keyboard can scroll it
  return box;
}

function whenNear(target: Element, then: () => void): void {
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      observer.disconnect();
      then();
    },
    { rootMargin: '600px' },
  );
  observer.observe(target);
}

const data = document.getElementById('report');
const page = document.getElementById('page');
if (data && page) draw(JSON.parse(data.textContent ?? '') as Report, page);
