/**
 * Views with strides, read in row-major order. The bytes of an element are taken as one more axis, so that any range of
 * bytes can be asked for. A range of a view falls into boxes; a box is read in spans of bounded length, or run by run
 * where the bytes between its runs would cost more than the reads.
 */

/** One axis of a view of bytes: steps of `stride` in the file. */
export interface Axis {
  readonly size: number;
  readonly stride: number;
}

/** An axis of a box: steps of `stride` in the file and of `step` in what was asked for. */
interface BoxAxis extends Axis {
  readonly step: number;
}

/** Reads a range of the file. */
export type ReadRange = (offset: number, into: Uint8Array) => Promise<void>;

/** Longest span read at once, in bytes; also the memory that a call takes. */
const MAX_SPAN_BYTES = 4 << 20;

/** Gap between two runs above which they are read separately: the cost of a read, in bytes. */
const WIDE_GAP_BYTES = 64 << 10;

/** Axes of a view of elements as the fewest axes of bytes: axes of length one are dropped, contiguous axes merged. */
export function byteAxes(shape: readonly number[], strides: readonly number[], elementBytes: number): Axis[] {
  const axes: Axis[] = [{ size: elementBytes, stride: 1 }];
  for (let i = shape.length - 1; i >= 0; i--) {
    const size = shape[i] as number;
    const stride = (strides[i] as number) * elementBytes;
    const inner = axes[0] as Axis;
    if (size === 1) continue;
    if (stride === inner.size * inner.stride) axes[0] = { size: size * inner.size, stride: inner.stride };
    else axes.unshift({ size, stride });
  }
  return axes;
}

/** Fills `into` with the bytes of a view from its byte `from` on, in row-major order. `base`: where the view starts. */
export async function readStrided(
  axes: readonly Axis[],
  base: number,
  from: number,
  into: Uint8Array,
  read: ReadRange,
): Promise<void> {
  const inner = axes.map((_, i) => axes.slice(i + 1).reduce((product, { size }) => product * size, 1));

  /** Bytes `from`..`to` of the axes from `depth` on. */
  const visit = async (depth: number, offset: number, from: number, to: number, out: number): Promise<void> => {
    const axis = axes[depth] as Axis;
    const step = inner[depth] as number;
    const first = Math.floor(from / step);
    const last = Math.floor((to - 1) / step);
    const cut = (index: number) => {
      const [start, end] = [Math.max(from, index * step), Math.min(to, (index + 1) * step)];
      const rest = index * step;
      return visit(depth + 1, offset + index * axis.stride, start - rest, end - rest, out + start - from);
    };
    const [fromWhole, toWhole] = [Math.ceil(from / step), Math.floor(to / step)];
    if (fromWhole > toWhole) return cut(first); // a part from the middle of one index
    if (first < fromWhole) await cut(first);
    if (fromWhole < toWhole) {
      const box = [{ size: toWhole - fromWhole, stride: axis.stride, step }];
      for (let i = depth + 1; i < axes.length; i++) box.push({ ...(axes[i] as Axis), step: inner[i] as number });
      box.sort((a, b) => b.stride - a.stride);
      await readBox(box, offset + fromWhole * axis.stride, into, out + fromWhole * step - from, read);
    }
    if (last >= toWhole) await cut(last);
  };
  if (into.length > 0) await visit(0, base, from, from + into.length, 0);
}

/** Reads a box whose axes are sorted by stride, widest first. */
async function readBox(box: readonly BoxAxis[], offset: number, into: Uint8Array, out: number, read: ReadRange) {
  const [lead, ...rest] = box as [BoxAxis, ...BoxAxis[]];
  if (rest.length === 0 && lead.stride === 1 && lead.step === 1)
    return read(offset, into.subarray(out, out + lead.size));
  const restSpan = spanOf(rest);
  const together = 1 + Math.floor(Math.max(0, MAX_SPAN_BYTES - restSpan) / Math.max(1, lead.stride));
  if (rest.length > 0 && (together === 1 || lead.stride - restSpan >= WIDE_GAP_BYTES)) {
    for (let i = 0; i < lead.size; i++) await readBox(rest, offset + i * lead.stride, into, out + i * lead.step, read);
    return;
  }
  const memory = new Uint8Array(spanOf([{ ...lead, size: Math.min(together, lead.size) }, ...rest]));
  for (let i = 0; i < lead.size; i += together) {
    const part: [BoxAxis, ...BoxAxis[]] = [{ ...lead, size: Math.min(together, lead.size - i) }, ...rest];
    const span = memory.subarray(0, spanOf(part));
    await read(offset + i * lead.stride, span);
    copyBox(part, 0, span, 0, into, out + i * lead.step);
  }
}

/** Bytes from the first to the last byte of a box. */
function spanOf(box: readonly Axis[]): number {
  return box.reduce((span, { size, stride }) => span + (size - 1) * stride, 1);
}

function copyBox(
  box: readonly BoxAxis[],
  depth: number,
  span: Uint8Array,
  from: number,
  into: Uint8Array,
  out: number,
) {
  const { size, stride, step } = box[depth] as BoxAxis;
  if (depth < box.length - 1)
    for (let i = 0; i < size; i++) copyBox(box, depth + 1, span, from + i * stride, into, out + i * step);
  else for (let i = 0; i < size; i++) into[out + i * step] = span[from + i * stride] as number;
}
