/** A figure of the library (src/figures), drawn as the command line's pages draw it, with its numbers and its exports. */
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { dataTable } from '../../../src/drawing/data-table.ts';
import { plotOf } from '../../../src/drawing/plots.ts';
import type { Figure, Report } from '../../../src/figures/figure.ts';
import { thinReport } from '../../../src/web.ts';
import { dark } from '../theme.ts';
import { saveDrawing, saveText } from './save.ts';

export function FigureView({ figure }: { readonly figure: Figure }) {
  const title = useId();
  const drawing = useRef<HTMLDivElement>(null);
  const isDark = dark.value;
  useEffect(() => {
    const box = drawing.current;
    if (!box) return;
    let drawnFor = 0;
    const draw = () => {
      const width = Math.floor(box.clientWidth);
      if (width === 0 || width === drawnFor) return;
      drawnFor = width;
      box.replaceChildren(...(figure.kind === 'table' ? [dataTable(figure)] : plotOf(figure, { width, dark: isDark })));
    };
    const observer = new ResizeObserver(draw);
    observer.observe(box);
    draw();
    return () => observer.disconnect();
  }, [figure, isDark]);
  const file = figure.title.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, '-');
  return (
    <figure class="figure" aria-labelledby={title}>
      <figcaption>
        <h3 id={title}>{figure.title}</h3>
        {figure.about && <p class="soft">{figure.about}</p>}
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: so that the keyboard can scroll it */}
      <div class={`drawing scroll ${figure.kind}`} ref={drawing} tabIndex={0} role="group" aria-labelledby={title} />
      <div class="exports">
        {figure.kind !== 'table' && (
          <>
            <button type="button" class="quiet" onClick={() => saveDrawing(drawing.current, `${file}.svg`)}>
              SVG
            </button>
            <button type="button" class="quiet" onClick={() => saveDrawing(drawing.current, `${file}.png`)}>
              PNG
            </button>
          </>
        )}
        <button type="button" class="quiet" onClick={() => saveText(JSON.stringify(figure, null, 1), `${file}.json`)}>
          JSON
        </button>
        {figure.kind !== 'table' && <Numbers figure={figure} />}
      </div>
    </figure>
  );
}

function Numbers({ figure }: { readonly figure: Figure }) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (open) box.current?.replaceChildren(dataTable(figure));
  }, [open, figure]);
  return (
    <details class="numbers" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Numbers</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: so that the keyboard can scroll it */}
      <div class="scroll" ref={box} tabIndex={0} role="group" aria-label={`Numbers of: ${figure.title}`} />
    </details>
  );
}

/** The figures of a report that `wanted` names, all without it; what is too much for a page is left out, and said. */
export function ReportView({
  report,
  wanted,
}: {
  readonly report: Report;
  readonly wanted?: (figure: Figure) => boolean;
}) {
  const { figures, notes = [] } = thinReport(wanted ? { ...report, figures: report.figures.filter(wanted) } : report);
  return (
    <>
      {figures.map((figure) => (
        <FigureView key={`${figure.kind} ${figure.title}`} figure={figure} />
      ))}
      {notes.map((note) => (
        <p key={note} class="soft">
          {note}
        </p>
      ))}
    </>
  );
}
