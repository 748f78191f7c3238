/** The weights of a ternary matrix, a dot each. */
import { useEffect, useRef } from 'preact/hooks';
import { Range } from '../../parts/fields.tsx';
import { useRun } from '../../parts/run.ts';
import { saveBlob } from '../../parts/save.ts';
import { useNumber } from '../../place.ts';
import { dark } from '../../theme.ts';
import type { ViewProps } from '../view.ts';

/** Red, green and blue of -1, 0 and 1: the ends of the diverging colours of figures. */
const COLOURS = {
  light: { '-1': [196, 80, 27], '0': [247, 247, 247], '1': [27, 102, 176] },
  dark: { '-1': [242, 145, 105], '0': [34, 42, 53], '1': [98, 176, 245] },
} as const;

/** Of a side: the first rows and columns of larger matrices. */
export const MOST_DOTS = 512;

interface PictureProps extends ViewProps {
  readonly name: string;
}

export function Picture({ loaded: { from, library }, name }: PictureProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [zoom, setZoom] = useNumber('zoom', 1);
  const colours = COLOURS[dark.value ? 'dark' : 'light'];
  const { value, error, busy } = useRun(
    (signal) => library.codesOf(from, name, { most: MOST_DOTS, signal }),
    [from, library, name],
    0,
  );
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!value || !canvas.current || !context) return;
    const { rows, columns, numbers } = value;
    [canvas.current.width, canvas.current.height] = [columns, rows];
    const image = context.createImageData(columns, rows);
    numbers.forEach((code, i) => {
      image.data.set([...(colours[String(code) as '0'] ?? [0, 0, 0]), 255], 4 * i);
    });
    context.putImageData(image, 0, 0);
  }, [value, colours]);
  const save = () => canvas.current?.toBlob((blob) => blob && saveBlob(blob, `${name}.png`));
  return (
    <div class="column" data-busy={busy}>
      {error && (
        <p role="alert" class="error">
          {error.message}
        </p>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: so that the keyboard can scroll it */}
      <div class="dots" tabIndex={0} role="group" aria-label="Picture of the weights">
        <canvas
          ref={canvas}
          style={{ width: `${100 * zoom}%` }}
          role="img"
          aria-label={`The weights of ${name}: ${value?.rows ?? 0} rows, ${value?.columns ?? 0} columns, each a dot`}
        />
      </div>
      <div class="row">
        <p class="key soft">
          {(['-1', '0', '1'] as const).map((code) => (
            <span key={code}>
              <i style={{ background: `rgb(${colours[code].join(' ')})` }} />
              {code}
            </span>
          ))}
        </p>
        <button type="button" class="quiet" onClick={save}>
          PNG
        </button>
      </div>
      <Range
        label="Zoom"
        value={zoom}
        {...{ least: 1, most: 8, step: 0.5 }}
        shown={(times) => `× ${times}`}
        onChange={setZoom}
      />
    </div>
  );
}
