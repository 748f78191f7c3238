/** Ternary: weights of -1, 0 and 1 as pictures, and what the rounding of activations loses. */
import { useEffect, useRef, useState } from 'preact/hooks';
import {
  activationErrors,
  activationsReport,
  openPretrained,
  type TernaryMatrix,
  ternaryMatrices,
  ternaryReport,
  ternaryWeights,
} from '../../../../src/web.ts';
import { Choice, Text } from '../../parts/fields.tsx';
import { ReportView } from '../../parts/figure.tsx';
import { useRun } from '../../parts/run.ts';
import { Said } from '../../parts/said.tsx';
import { useSetting } from '../../place.ts';
import { dark } from '../../theme.ts';
import type { ViewProps } from '../view.ts';

export function TernaryView({ loaded: { model, from } }: ViewProps) {
  const [text, setText] = useSetting('text', 'Once upon a time there was a little girl.');
  const [name, setName] = useState<string | undefined>(undefined);
  const weights = useRun(
    async (signal) => {
      const opened = await openPretrained(from);
      try {
        const matrices = ternaryMatrices(opened);
        return { found: await ternaryWeights(matrices, { signal }), names: matrices.map((one) => one.name) };
      } finally {
        await opened.checkpoint.close();
      }
    },
    [model],
  );
  const errors = useRun((signal) => activationErrors(model, text, { signal }), [model, text]);
  return (
    <div class="stack">
      <Said run={weights}>
        {({ found, names }) => {
          const shown = name ?? names[0] ?? '';
          return (
            <>
              <div class="panel stack">
                <Choice
                  label="Matrix"
                  value={shown}
                  choices={names.map((one) => [one, one] as const)}
                  onChange={setName}
                />
                <Picture from={from} name={shown} />
              </div>
              <ReportView report={ternaryReport(found, undefined, [])} />
            </>
          );
        }}
      </Said>
      <Text label="Text, whose activations are rounded to 8 bits" value={text} onChange={setText} rows={1} />
      <Said run={errors}>{(value) => <ReportView report={activationsReport(value, [])} />}</Said>
    </div>
  );
}

/** Red, green and blue of -1, 0 and 1. */
const COLOURS = {
  light: { '-1': [196, 80, 27], '0': [247, 247, 247], '1': [27, 102, 176] },
  dark: { '-1': [242, 145, 105], '0': [34, 42, 53], '1': [98, 176, 245] },
} as const;

const MOST_PIXELS = 512; // of a side: the first rows and columns of larger matrices

function Picture({ from, name }: Pick<ViewProps['loaded'], 'from' | 'name'>) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const isDark = dark.value;
  const codes = useRun(
    async (signal) => {
      const opened = await openPretrained(from);
      try {
        const matrix = ternaryMatrices(opened).find((one) => one.name === name);
        return matrix && (await codesOf(matrix, signal));
      } finally {
        await opened.checkpoint.close();
      }
    },
    [from, name],
    0,
  );
  useEffect(() => {
    const { value } = codes;
    const context = canvas.current?.getContext('2d');
    if (!value || !canvas.current || !context) return;
    const { rows, columns, numbers } = value;
    [canvas.current.width, canvas.current.height] = [columns, rows];
    const image = context.createImageData(columns, rows);
    const colours = COLOURS[isDark ? 'dark' : 'light'];
    numbers.forEach((code, i) => {
      image.data.set([...(colours[String(code) as '0'] ?? [0, 0, 0]), 255], 4 * i);
    });
    context.putImageData(image, 0, 0);
  }, [codes.value, isDark]);
  const { value } = codes;
  return (
    <>
      <canvas
        ref={canvas}
        class="weights"
        role="img"
        aria-label={`The weights of ${name}: ${value?.rows ?? 0} rows, ${value?.columns ?? 0} columns, each a dot`}
      />
      <p class="key soft" aria-hidden="true">
        {(['-1', '0', '1'] as const).map((code) => (
          <span key={code}>
            <i style={{ background: `rgb(${COLOURS[isDark ? 'dark' : 'light'][code].join(' ')})` }} />
            {code}
          </span>
        ))}
      </p>
    </>
  );
}

/** [rows, columns] of codes, the first of a large matrix. */
async function codesOf(matrix: TernaryMatrix, signal: AbortSignal) {
  const [rows, columns] = [Math.min(MOST_PIXELS, matrix.rows), Math.min(MOST_PIXELS, matrix.columns)];
  const numbers = new Int8Array(rows * columns);
  for await (const { row, codes } of matrix.blocks(signal)) {
    for (let r = row; r < Math.min(rows, row + codes.length / matrix.columns); r++) {
      const start = (r - row) * matrix.columns;
      numbers.set(codes.subarray(start, start + columns), r * columns);
    }
  }
  return { rows, columns, numbers };
}
