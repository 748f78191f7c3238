/** Collects the commands that an encoder writes for one op, before they have an address. */
import type { CommandOptions, CommandWriter } from './command.ts';
import type { VectorBits } from './platform.ts';

/** A command before its words have an address. */
export interface Draft {
  readonly kernel: number;
  readonly after: boolean;
  readonly scratchBytes: number;
  readonly words: number[];
}

const float = new Float32Array(1);
const floatBits = new Uint32Array(float.buffer);

export class Writer implements CommandWriter {
  readonly drafts: Draft[] = [];
  readonly parts: number;
  readonly vectorBits: VectorBits;
  readonly temp: (bytes: number) => number;
  readonly #kernels: ReadonlyMap<string, number>;

  constructor(
    kernels: ReadonlyMap<string, number>,
    { parts, vectorBits }: Pick<CommandWriter, 'parts' | 'vectorBits'>,
    temp: (bytes: number) => number,
  ) {
    this.#kernels = kernels;
    this.parts = parts;
    this.vectorBits = vectorBits;
    this.temp = temp;
  }

  begin(kernel: string, { after = false, scratchBytes = 0 }: CommandOptions = {}): void {
    const index = this.#kernels.get(kernel);
    if (index === undefined) throw new Error(`there is no kernel '${kernel}'`);
    this.drafts.push({ kernel: index, after, scratchBytes: Math.ceil(scratchBytes / 64) * 64, words: [] });
  }

  u32(...values: number[]): void {
    this.#words().push(...values);
  }

  f32(value: number): void {
    float[0] = value;
    this.#words().push(floatBits[0] as number);
  }

  #words(): number[] {
    return (this.drafts.at(-1) as Draft).words;
  }
}
