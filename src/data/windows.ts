/** How a long run of tokens is cut into rows: windows of a fixed length at fixed distances, in each region apart. */

export interface WindowShape {
  /** Ids of a row. */
  readonly window: number;
  /** Ids from the start of one row to the start of the next. */
  readonly stride: number;
  /** What becomes of the ids at the end of a region that fill no whole row. */
  readonly tail: Tail;
}

/** `drop`: left out. `keep`: a shorter row. `pad`: a row of full length, filled up with ids that are no targets. */
export type Tail = (typeof TAILS)[number];

export const TAILS = ['drop', 'keep', 'pad'] as const;

export interface WindowPlace {
  readonly start: number;
  readonly length: number;
}

/** A row needs two ids: one to read and one to predict. */
const LEAST_IDS = 2;

/** Number of windows in a region of `length` ids. */
export function windowsIn(length: number, { window, stride, tail }: WindowShape): number {
  if (tail === 'drop') return length < window ? 0 : Math.floor((length - window) / stride) + 1;
  if (length < LEAST_IDS) return 0;
  const count = length <= window ? 1 : Math.ceil((length - window) / stride) + 1;
  const last = length - (count - 1) * stride;
  return last < LEAST_IDS ? count - 1 : count;
}

/**
 * All windows of a run of tokens. `regionEnds`: where each region ends, in order, such as files that are not to share rows. Memory: one number
 * for each region.
 */
export class Windows {
  readonly count: number;
  readonly #shape: WindowShape;
  /** Regions with windows: where they start and end, and the number of windows before them. */
  readonly #regions: readonly { readonly start: number; readonly end: number; readonly before: number }[];

  constructor(regionEnds: readonly number[], shape: WindowShape) {
    this.#shape = shape;
    const regions: { start: number; end: number; before: number }[] = [];
    let count = 0;
    let start = 0;
    for (const end of regionEnds) {
      const windows = windowsIn(end - start, shape);
      if (windows > 0) regions.push({ start, end, before: count });
      count += windows;
      start = end;
    }
    this.#regions = regions;
    this.count = count;
  }

  /** Where window `index` lies. Its length is below that of the shape at the end of a region only. */
  at(index: number): WindowPlace {
    let low = 0;
    for (let high = this.#regions.length; high - low > 1; ) {
      const middle = (low + high) >> 1;
      if ((this.#regions[middle]?.before ?? 0) <= index) low = middle;
      else high = middle;
    }
    const region = this.#regions[low];
    if (!region || index < 0 || index >= this.count)
      throw new RangeError(`window ${index} of ${this.count} does not exist`);
    const start = region.start + (index - region.before) * this.#shape.stride;
    return { start, length: Math.min(this.#shape.window, region.end - start) };
  }
}
