/**
 * The WebAssembly backend: kernels in AssemblyScript on one or more threads, with as many memories as the weights need. A command runs in the
 * memory of its largest input. Inputs from other memories are copied there, which happens a few times per pass at most.
 */
import { UsageError } from '../../base/errors.ts';
import {
  arrayFor,
  arrayLength,
  byteOffset,
  byteSize,
  dtypeOf,
  type ElementType,
  isPacked,
  type Shape,
  type Tensor,
  type TypedArray,
  type Uploadable,
} from '../../base/tensor.ts';
import { fillBlock } from '../../formats/numbers.ts';
import type { Op } from '../../ops/index.ts';
import type { Backend, Block, ReadBytes, Recorded, Replay } from '../backend.ts';
import { Bank } from './bank.ts';
import { HEAD_WORDS } from './command.ts';
import { CARRY, type Command, GROWN } from './control.ts';
import { quantizeWords, sourceOf } from './encode/products.ts';
import { encoders } from './encoders.ts';
import { type Executor, immediateExecutor, threadedExecutor } from './executor.ts';
import { fastestVariant, hasSimd } from './features.ts';
import { Hazards, type Range } from './hazards.ts';
import {
  columnsOf,
  inPanels,
  isComputed,
  memoryBytes,
  narrowWord,
  PANEL_ROWS,
  panelSizes,
  type Run,
  readRuns,
  runsOf,
} from './panels.ts';
import { located, type Place, placeOf, rangeOf } from './place.ts';
import type { KernelVariant, Platform, VectorBits } from './platform.ts';
import { RecordedStep, type Room } from './recorded-step.ts';
import { carryBytes, kernelNames, writeCarry } from './thread.ts';
import { type Draft, Writer } from './writer.ts';

export { MAX_TENSOR_BYTES } from './bank.ts';

export interface WasmBackendOptions {
  readonly platform: Platform;
  /** Threads that compute; default: all cores, at most 8, and 1 where memory cannot be shared. */
  readonly threads?: number | undefined;
  /** False: the same bits in every engine, more slowly; default: relaxed SIMD where the engine has it. */
  readonly relaxedSimd?: boolean | undefined;
  /** Which kernels; default: the fastest that the engine runs. */
  readonly variant?: KernelVariant | undefined;
  /** Largest size of one memory, of several; default 4 GiB. */
  readonly maxBankBytes?: number | undefined;
}

const MAX_DEFAULT_THREADS = 8;
const MAX_BANK_BYTES = 2 ** 32;

/** Bytes of packed rows that are read at once, before they are put in order. */
const RUN_BYTES = 1 << 21;

/** Throws UsageError when threads are asked for where there can be none, and when the engine has no SIMD. */
export async function createWasmBackend(options: WasmBackendOptions): Promise<Backend> {
  const { platform, relaxedSimd = true, maxBankBytes = MAX_BANK_BYTES } = options;
  const threads = threadsOf(options);
  if (!hasSimd()) throw new UsageError(withoutSimd());
  const variant = options.variant ?? (relaxedSimd ? fastestVariant() : 'plain');
  const shared = threads > 1;
  const module = await platform.loadModule(`kernels-${variant}${shared ? '-shared' : ''}`);
  const executor = shared ? await threadedExecutor(platform, module, threads) : immediateExecutor(platform, module);
  return new WasmBackend(executor, kernelNames(module), shared, maxBankBytes, platform.vectorBits);
}

const withoutSimd = () =>
  globalThis.WebAssembly === undefined
    ? 'this browser runs no WebAssembly, with which models compute: it is switched off, such as by the lockdown mode of iPhones. Allow it for this page, or use another browser.'
    : 'this engine has no WebAssembly SIMD, with which models compute: use a browser or Node of 2021 or later, such as Chrome 91, Firefox 89 or Safari 16.4.';

/** How many threads compute unless it is said. */
export function defaultThreads({ canShare, cores }: Platform): number {
  return canShare ? Math.min(cores, MAX_DEFAULT_THREADS) : 1;
}

function threadsOf({ platform, threads }: WasmBackendOptions): number {
  if (threads === undefined) return defaultThreads(platform);
  if (!Number.isInteger(threads) || threads < 1)
    throw new UsageError(`threads came as ${threads}, wanted a whole number from 1 on.`);
  if (threads > 1 && !platform.canShare) {
    throw new UsageError(
      'this page is not isolated and cannot share memory between threads: serve it with the headers ' +
        'Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp, or use threads: 1.',
    );
  }
  return threads;
}

class WasmBackend implements Backend {
  readonly name = 'wasm';
  readonly #executor: Executor;
  readonly #kernels: ReadonlyMap<string, number>;
  readonly #shared: boolean;
  readonly #maxBankBytes: number;
  readonly #vectorBits: VectorBits;
  readonly #banks: Bank[] = [];
  readonly #hazards = new Hazards();
  #liveBytes = 0;
  /** What the running step and its scopes have allocated, innermost last; empty outside of steps. */
  readonly #scopes: Place[][] = [];
  /** The step that is being recorded. */
  #recording: RecordedStep | undefined;
  readonly #idleRecordings: RecordedStep[] = [];
  /** Changes with everything that may make addresses in a recording wrong: live memory taken or given back. */
  #version = 0;
  #last: Promise<unknown> = Promise.resolve();
  #disposed = false;
  /** Has everything that was posted ended? */
  #idle = true;

  constructor(
    executor: Executor,
    kernels: readonly string[],
    shared: boolean,
    maxBankBytes: number,
    vectorBits: VectorBits,
  ) {
    this.#vectorBits = vectorBits;
    this.#executor = executor;
    this.#kernels = new Map(kernels.map((name, i) => [name, i]));
    this.#shared = shared;
    this.#maxBankBytes = maxBankBytes;
  }

  allocate(shape: Shape, dtype: ElementType): Tensor {
    if (!isComputed(dtype))
      throw new UsageError(`this backend has no kernels for tensors of format ${dtype}: take another.`);
    const bytes = memoryBytes(shape, dtype);
    for (let i = 0; ; i++) {
      const isNew = i === this.#banks.length;
      const bank = this.#banks[i] ?? this.#addBank();
      const taken = bank.takeLive(bytes);
      if (!taken && isNew) {
        throw new RangeError(
          `no memory for ${bytes} bytes (a tensor of ${dtype} [${shape.join(', ')}]): ${this.#liveBytes} bytes are in use. ` +
            `Keep weights in a smaller format, or read a shorter text.`,
        );
      }
      if (!taken) continue;
      this.#liveBytes += bytes;
      this.#version++;
      const place: Place = { bank, address: taken.address, bytes, rowsOfEach: shape.at(-2) };
      if (taken.fresh) bank.touch(taken.address, bytes);
      else this.#zero(place);
      return { shape, dtype, place, offset: 0 };
    }
  }

  free(x: Tensor): void {
    const { bank, address, bytes } = placeOf(x);
    bank?.freeLive(address, bytes);
    this.#version++;
    this.#liveBytes -= bytes;
  }

  async fill(x: Tensor, block: Block): Promise<void> {
    if (this.#scopes.length > 0) throw new Error('fill() inside of a step: commands may be reading this memory');
    const { shape, dtype } = x;
    if (inPanels(dtype)) await this.#quantize(x, block);
    else if (isPacked(dtype)) throw new TypeError(`${block.dtype} numbers cannot be kept as ${dtype}`);
    else fillBlock(this.#numbers(x), { shape, dtype }, block);
  }

  async load(x: Tensor, read: ReadBytes): Promise<void> {
    if (this.#scopes.length > 0) throw new Error('load() inside of a step: commands may be reading this memory');
    if (inPanels(x.dtype)) return this.step(() => this.#loadPanels(x, read));
    const { buffer, byteOffset, byteLength } = this.#numbers(x);
    await read(0, new Uint8Array(buffer, byteOffset, byteLength));
  }

  /** Portable rows are read to the place of their panels, and put in order there by all threads while the next are read. */
  #loadPanels(x: Tensor, read: ReadBytes): Promise<void> {
    const { bank, address } = placeOf(x) as Place & { bank: Bank };
    const { rowBytes, blocks } = panelSizes(x);
    const scratchBytes = PANEL_ROWS * rowBytes;
    bank.scratch(scratchBytes, this.#executor.parts); // now, since a memory may not grow while it is read into
    const at = (run: Run) => address + run.panelRow * rowBytes;
    return readRuns(
      runsOf(x.shape, RUN_BYTES / rowBytes),
      (run) => read(run.first * rowBytes, new Uint8Array(bank.memory.buffer, at(run), run.rows * rowBytes)),
      (run) => {
        const words = [at(run), run.rows, blocks, narrowWord(x.dtype)];
        const writes = [
          { bank: bank.index, start: at(run), end: at(run) + memoryBytes([run.rows, columnsOf(x)], x.dtype) },
        ];
        this.#post(bank, [this.#draft('arrangePanels', words, scratchBytes)], [], writes, []);
      },
    );
  }

  /** Reads rows of matrices in panels, in the portable layout. */
  async #readPanels(x: Tensor): Promise<TypedArray> {
    const { bank, address, bytes, rowsOfEach = 1 } = placeOf(x) as Place & { bank: Bank };
    const { rowBytes, blocks } = panelSizes(x);
    const result = this.#temporary(bank, byteSize(x.shape, x.dtype));
    const [first, rows] = [x.offset / columnsOf(x), result.bytes / rowBytes];
    const words = [result.address, address, first, rows, rowsOfEach, blocks, narrowWord(x.dtype)];
    const reads = [{ bank: bank.index, start: address, end: address + bytes }];
    this.#post(bank, [this.#draft('rowsOfPanels', words)], reads, [], [result]);
    await this.#fence();
    const copy = new Uint8Array(bank.memory.buffer, result.address, result.bytes).slice();
    this.#release(result);
    return copy;
  }

  /** Numbers into blocks, by all threads. */
  #quantize(x: Tensor, block: Block): Promise<void> {
    const { dtype, bytes } = sourceOf(block);
    return this.step(async () => {
      const bank = placeOf(x).bank as Bank;
      const source = this.#temporary(bank, bytes.length);
      new Uint8Array(bank.memory.buffer, source.address, bytes.length).set(bytes);
      const words = quantizeWords(located(x), source.address, { ...block, dtype });
      this.#post(bank, [this.#draft('quantizeWeights', words, 128)], [], [rangeOf(x)], [source]);
      await this.#fence();
      this.#release(source);
    });
  }

  step<R>(body: () => Promise<R>): Promise<R> {
    const done = this.#last.then(() => this.#step(body));
    this.#last = done.catch(() => {});
    return done;
  }

  async #step<R>(body: () => Promise<R>): Promise<R> {
    if (this.#disposed) throw new UsageError('this model was disposed; load it again.');
    this.#executor.hold(true);
    this.#scopes.push([]);
    try {
      const result = await body();
      await this.#fence();
      return result;
    } catch (error) {
      await this.#executor.fence().catch(() => {}); // the first error counts
      throw error;
    } finally {
      for (const place of this.#scopes.flat()) this.#release(place);
      this.#scopes.length = 0;
      this.#hazards.clear();
      for (const bank of this.#banks) bank.settle();
      this.#executor.hold(false);
    }
  }

  record(body: () => Tensor): Promise<Recorded> {
    return this.step(async () => {
      const recording = this.#idleRecordings.pop() ?? new RecordedStep();
      const before = this.#version - recording.taken;
      this.#recording = recording;
      let replay: Replay | undefined;
      try {
        const result = body();
        const at: Tensor = { ...result, place: { ...placeOf(result) } };
        const numbers = await this.read(result);
        const whole = this.#recording === recording && this.#version - recording.taken === before;
        if (whole) replay = this.#replayer(recording, at);
        return { numbers, replay };
      } finally {
        this.#recording = undefined;
        if (!replay) this.#retire(recording);
      }
    });
  }

  #replayer(recording: RecordedStep, result: Tensor): Replay {
    const version = this.#version;
    let ready = true;
    const dispose = () => {
      if (ready) this.#retire(recording);
      ready = false;
    };
    return {
      run: (uploads) =>
        this.step(async () => {
          if (ready && version !== this.#version) dispose();
          const commands = ready ? recording.rewind(uploads) : undefined;
          if (!commands) return undefined;
          this.#idle = false;
          this.#executor.postAll(commands);
          return this.read(result);
        }),
      dispose,
    };
  }

  /** The next recording uses its memory. */
  #retire(recording: RecordedStep): void {
    recording.clear();
    this.#idleRecordings.push(recording);
  }

  alloc(shape: Shape, dtype: ElementType): Tensor {
    const place: Place = { bank: undefined, address: 0, bytes: memoryBytes(shape, dtype) };
    this.#scope().push(place);
    return { shape, dtype, place, offset: 0 };
  }

  upload(data: Uploadable, shape: Shape): Tensor {
    this.#scope();
    const bank = this.#banks[0] ?? this.#addBank();
    const address = this.#commandMemory(bank, data.byteLength);
    if (address === undefined) throw outOfStepMemory(data.byteLength);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    new Uint8Array(bank.memory.buffer, address, bytes.length).set(bytes);
    this.#recording?.uploads.push({ bank, address, bytes: bytes.length });
    return { shape, dtype: dtypeOf(data), place: { bank, address, bytes: bytes.length } satisfies Place, offset: 0 };
  }

  release(x: Tensor): void {
    this.#release(placeOf(x));
  }

  scope(body: () => Tensor): Tensor {
    const outer = this.#scope();
    const inner: Place[] = [];
    this.#scopes.push(inner);
    try {
      const result = body();
      const kept = inner.indexOf(placeOf(result));
      if (kept >= 0) outer.push(...inner.splice(kept, 1));
      for (const place of inner) this.#release(place);
      inner.length = 0;
      return result;
    } finally {
      outer.push(...inner); // after an error; the step frees them
      this.#scopes.pop();
    }
  }

  has(op: string): boolean {
    return op in encoders;
  }

  run(op: Op<never>, inputs: readonly Tensor[], outputs: readonly Tensor[], attrs: unknown): void {
    this.#scope();
    const encoder = encoders[op.name];
    if (!encoder) throw new Error(`the wasm backend has no kernel for '${op.name}'; see docs/add-an-op.md`);
    const mutated = op.mutates?.(inputs, attrs as never) ?? [];
    const home = this.#homeOf(mutated, inputs);
    for (const y of outputs) this.#settle(placeOf(y), home);

    const borrowed: Place[] = [];
    const local = inputs.map((x) => {
      if (placeOf(x).bank === home) return x;
      const place = this.#temporary(home, memoryBytes(x.shape, x.dtype));
      borrowed.push(place);
      const copy: Tensor = { ...x, place, offset: 0 };
      this.#carry(x, copy);
      return copy;
    });
    const reads: Range[] = [];
    const writes = outputs.map(rangeOf);
    for (const [i, x] of inputs.entries()) (mutated.includes(x) ? writes : reads).push(rangeOf(local[i] as Tensor));

    const { parts } = this.#executor;
    const writer = new Writer(this.#kernels, { parts, vectorBits: this.#vectorBits }, (bytes) => {
      const place = this.#temporary(home, bytes);
      borrowed.push(place);
      return place.address;
    });
    encoder(writer, local.map(located), outputs.map(located), attrs);
    this.#post(home, writer.drafts, reads, writes, borrowed);
    local.forEach((copy, i) => {
      const x = inputs[i] as Tensor;
      if (copy !== x && mutated.includes(x)) this.#carry(copy, x);
    });
    for (const place of borrowed) this.#release(place);
  }

  wait(): void {
    this.#executor.wait();
  }

  async read(x: Tensor): Promise<TypedArray> {
    if (inPanels(x.dtype)) return this.#scopes.length > 0 ? this.#readPanels(x) : this.step(() => this.#readPanels(x));
    if (this.#scopes.length > 0) await this.#fence();
    this.#hazards.clear();
    return this.#numbers(x).slice();
  }

  /** Waits for what was posted. */
  async #fence(): Promise<void> {
    if (this.#idle) return;
    await this.#executor.fence();
    this.#idle = true;
  }

  #send(command: Command, words?: Omit<Room, 'bytes'>): void {
    this.#idle = false;
    this.#recording?.add(command, words);
    this.#executor.post(command);
  }

  #commandMemory(bank: Bank, bytes: number): number | undefined {
    if (!this.#recording) return bank.commands.take(bytes);
    const before = this.#recording.taken;
    const address = this.#recording.take(bank, bytes);
    this.#version += this.#recording.taken - before; // values of other recordings may have lain there
    if (address !== undefined) return address;
    this.#recording = undefined; // a step that cannot be kept can be run all the same
    return bank.commands.take(bytes);
  }

  memory(): { liveBytes: number; arenaBytes: number } {
    const all = this.#banks.reduce((sum, bank) => sum + bank.size, 0);
    return { liveBytes: this.#liveBytes, arenaBytes: all - this.#liveBytes };
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return;
    await this.#last;
    this.#disposed = true;
    await this.#executor.dispose();
    this.#banks.length = 0;
  }

  #addBank(): Bank {
    const index = this.#banks.length;
    const onGrow = () => this.#executor.post({ kernel: GROWN, barrier: false, bank: index, args: 0 });
    const bank = new Bank(index, this.#shared, this.#maxBankBytes, onGrow);
    this.#banks.push(bank);
    this.#executor.addMemory(bank.memory);
    return bank;
  }

  #scope(): Place[] {
    const scope = this.#scopes.at(-1);
    if (!scope) throw new Error('this happens inside of a step only');
    return scope;
  }

  #numbers(x: Tensor): TypedArray {
    const { bank, address } = placeOf(x);
    if (!bank) throw new Error('this tensor was never written');
    return arrayFor(x.dtype, bank.memory.buffer, address + byteOffset(x), arrayLength(x.shape, x.dtype));
  }

  /** The bank in which a command runs: that of the state that it writes, otherwise that of its largest input. */
  #homeOf(mutated: readonly Tensor[], inputs: readonly Tensor[]): Bank {
    let home: Bank | undefined;
    let most = -1;
    for (const x of mutated.length > 0 ? mutated : inputs) {
      const { bank } = placeOf(x);
      const bytes = memoryBytes(x.shape, x.dtype);
      if (bank && bytes > most) {
        home = bank;
        most = bytes;
      }
    }
    return home ?? this.#banks[0] ?? this.#addBank();
  }

  #settle(place: Place, bank: Bank): void {
    if (place.bank) return;
    const address = bank.take(place.bytes);
    if (address === undefined) throw outOfStepMemory(place.bytes);
    place.bank = bank;
    place.address = address;
  }

  #temporary(bank: Bank, bytes: number): Place {
    const place: Place = { bank: undefined, address: 0, bytes };
    this.#settle(place, bank);
    return place;
  }

  /** The memory can be given to others at once, because their commands wait for those that still use it. */
  #release(place: Place): void {
    place.bank?.free(place.address);
    place.bank = undefined;
  }

  #zero(place: Place): void {
    const bank = place.bank as Bank;
    if (this.#scopes.length === 0) {
      new Uint8Array(bank.memory.buffer, place.address, place.bytes).fill(0);
      return;
    }
    const draft = this.#draft('zeros', [place.address, place.bytes]);
    this.#post(bank, [draft], [], [{ bank: bank.index, start: place.address, end: place.address + place.bytes }], []);
  }

  #draft(kernel: string, words: number[], scratchBytes = 0): Draft {
    return { kernel: this.#kernels.get(kernel) as number, after: false, scratchBytes, words };
  }

  /** Copies between banks. */
  #carry(from: Tensor, to: Tensor): void {
    const [source, target] = [rangeOf(from), rangeOf(to)];
    const bank = placeOf(to).bank as Bank;
    const args = this.#commandMemory(bank, carryBytes);
    if (args === undefined) throw outOfStepMemory(carryBytes);
    const bytes = source.end - source.start;
    writeCarry(bank.memory, args, {
      fromBank: source.bank,
      from: source.start,
      toBank: target.bank,
      to: target.start,
      bytes,
    });
    const barrier = this.#hazards.conflict([source], [target]);
    if (barrier) this.#hazards.clear();
    this.#hazards.add([source], [target]);
    this.#send({ kernel: CARRY, barrier, bank: bank.index, args });
  }

  #post(bank: Bank, drafts: readonly Draft[], reads: Range[], writes: Range[], borrowed: Place[]): void {
    for (const { address, bytes } of borrowed) writes.push({ bank: bank.index, start: address, end: address + bytes });
    const wait = this.#hazards.conflict(reads, writes);
    drafts.forEach(({ kernel, after, scratchBytes, words }, i) => {
      const scratch = bank.scratch(scratchBytes, this.#executor.parts);
      const args = this.#commandMemory(bank, 4 * (HEAD_WORDS + words.length));
      if (args === undefined || !scratch) throw outOfStepMemory(scratchBytes + 4 * words.length);
      const barrier = after || (i === 0 && wait) || scratch.moved;
      if (barrier) this.#hazards.clear();
      if (barrier || i === 0) this.#hazards.add(reads, writes);
      const memory = bank.words;
      const at = args / 4;
      memory[at] = scratch.address;
      memory[at + 1] = scratch.stride;
      memory[at + 2] = 0;
      for (let k = 0; k < words.length; k++) memory[at + HEAD_WORDS + k] = words[k] as number;
      this.#send({ kernel, barrier, bank: bank.index, args }, { bank, address: args });
    });
  }
}

function outOfStepMemory(bytes: number): RangeError {
  return new RangeError(
    `no memory for ${bytes} bytes of intermediate values: read a shorter text, fewer prompts or fewer sites at once.`,
  );
}
