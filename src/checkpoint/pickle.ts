/**
 * The part of Python's pickle format (protocols 2 to 5) that a file of tensors needs: a stack machine that makes
 * dictionaries, tuples, strings and numbers, and that hands the two things which could run code to its caller: names of
 * functions (which must be on a list) and calls of them. Nothing is looked up or executed. What is not understood is
 * refused by its name. The opcodes are described in `pickletools.py` of CPython.
 */
import { CheckpointError } from '../base/errors.ts';

/** A value of a pickle; `T` is what the caller makes of calls and persistent ids. */
export type Pickled<T> =
  | null
  | boolean
  | number
  | string
  | PickledItems<T>
  | PickledDict<T>
  | PickledGlobal
  | PickledObject
  | T;

export interface PickledItems<T> {
  readonly kind: 'tuple' | 'list';
  readonly items: Pickled<T>[];
}

/** In the order of the file. A plain list: a Map costs more memory than the one byte that asks for it justifies. */
export interface PickledDict<T> {
  readonly kind: 'dict';
  readonly entries: [Pickled<T>, Pickled<T>][];
}

/** A class or function, by name only. */
export interface PickledGlobal {
  readonly kind: 'global';
  readonly name: string;
}

/** A value that is not used: a set, bytes, a device, a number above 2^53. */
export interface PickledObject {
  readonly kind: 'object';
  readonly name: string;
}

/** The caller's interpretation of globals and persistent ids. */
export interface PickleHost<T> {
  /** For messages. */
  readonly file: string;
  /** Is this `module.name` allowed? */
  allows(name: string): boolean;
  /** Interprets the call of a global. The arguments are not checked yet. */
  call(name: string, args: readonly Pickled<T>[]): Pickled<T>;
  /** Interprets a persistent id: something stored outside the pickle. */
  persistent(id: Pickled<T>): Pickled<T>;
}

/** About 45 opcodes make a tensor: some 46000 tensors. Each may cost 100 bytes of memory, so a file of 2 MB 200 MB. */
const MAX_OPCODES = 1 << 21;

/** A state dict opens three: the dictionary, the arguments of a tensor, its storage. */
const MAX_OPEN_MARKS = 64;

/** Longest module or function name, also in messages. */
const MAX_GLOBAL_BYTES = 256;

const STATE_DICTS_ONLY =
  'Only state dicts are read: load it where you trust it and save its state dict, or convert it to safetensors.';

const object = (name: string): PickledObject => ({ kind: 'object', name });

/** Runs a pickle and returns its value. Throws CheckpointError, with the name of what is refused. */
export function unpickle<T extends { readonly kind: string }>(bytes: Uint8Array, host: PickleHost<T>): Pickled<T> {
  return unpickleAt(bytes, 0, host).value;
}

/** As unpickle, for one of several pickles that follow each other: it begins at byte `start`, the next one at `end`. */
export function unpickleAt<T extends { readonly kind: string }>(
  bytes: Uint8Array,
  start: number,
  host: PickleHost<T>,
): { readonly value: Pickled<T>; readonly end: number } {
  type Value = Pickled<T>;
  const { file } = host;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stack: Value[] = [];
  const marks: number[] = []; // heights of the stack
  const memo = new Map<number, Value>();
  let at = start;

  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const fail = (problem: string, advice = 'If it came over a network, compare its size with the original.') =>
    new CheckpointError(`${file}: ${problem} (byte ${at} of its pickle). ${advice}`);
  const skip = (length: number): number => {
    if (at + length > bytes.length) throw fail('the pickle ends too early');
    at += length;
    return at - length;
  };
  const u8 = () => view.getUint8(skip(1));
  const u32 = () => view.getUint32(skip(4), true);
  const u64 = () => Number(view.getBigUint64(skip(8), true));
  const text = (length: number): string => {
    const from = skip(length);
    try {
      return decoder.decode(bytes.subarray(from, at));
    } catch {
      throw fail('a text is not UTF-8');
    }
  };
  const line = (): string => {
    const end = bytes.subarray(at, at + MAX_GLOBAL_BYTES).indexOf(10);
    if (end < 0) throw fail(`a name does not end within ${MAX_GLOBAL_BYTES} bytes`);
    const name = text(end);
    skip(1);
    return name;
  };
  /** Numbers above 2^53, such as seeds, are never part of a tensor. */
  const integer = (length: number): Value => {
    const from = skip(length);
    if (length > 8) return object('a large number');
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[from + i] as number);
    const signed = Number(BigInt.asIntN(8 * length, value));
    return Number.isSafeInteger(signed) ? signed : object('a large number');
  };
  const binary = (length: number): Value => {
    skip(length);
    return object('bytes');
  };
  /** Python 2's strings, which are text or bytes. */
  const oldText = (length: number): Value => {
    const from = skip(length);
    const raw = bytes.subarray(from, at);
    return raw.every((byte) => byte < 0x80) ? decoder.decode(raw) : object('bytes');
  };

  const pop = (): Value => {
    if (stack.length <= (marks.at(-1) ?? 0)) throw fail('the pickle takes more from its stack than it put there');
    return stack.pop() as Value;
  };
  const top = (): Value => {
    const value = pop();
    stack.push(value);
    return value;
  };
  const popToMark = (): Value[] => {
    const mark = marks.pop();
    if (mark === undefined) throw fail('the pickle ends a group that it did not begin');
    return stack.splice(mark);
  };
  const tuple = (items: Value[]) => stack.push({ kind: 'tuple', items });
  const popped = (count: number): Value[] => Array.from({ length: count }, pop).reverse();
  const append = (items: Value[]) => {
    const list = top();
    if (kindOf(list) !== 'list') throw fail(`the pickle appends to a ${kindOf(list)}: wanted a list`);
    for (const item of items) (list as PickledItems<T>).items.push(item);
  };
  const setItems = (items: Value[]) => {
    const dict = top();
    if (kindOf(dict) !== 'dict') throw fail(`the pickle sets items of a ${kindOf(dict)}: wanted a dictionary`);
    if (items.length % 2 !== 0) throw fail('the pickle sets a key without a value');
    for (let i = 0; i < items.length; i += 2)
      (dict as PickledDict<T>).entries.push([items[i] as Value, items[i + 1] as Value]);
  };
  const global = (module: Value, name: Value) => {
    if (typeof module !== 'string' || typeof name !== 'string') throw fail('the pickle names a function by no text');
    const full = `${module}.${name}`;
    if (!host.allows(full)) {
      const asked = full.slice(0, MAX_GLOBAL_BYTES);
      throw fail(
        `the pickle asks for '${asked}', which is not part of rebuilding tensors; nothing was executed`,
        STATE_DICTS_ONLY,
      );
    }
    stack.push({ kind: 'global', name: full });
  };
  const reduce = () => {
    const [callee, args] = popped(2) as [Value, Value];
    if (kindOf(callee) !== 'global' || kindOf(args) !== 'tuple')
      throw fail(`the pickle calls a ${kindOf(callee)} with a ${kindOf(args)}: wanted a function and a tuple`);
    stack.push(host.call((callee as PickledGlobal).name, (args as PickledItems<T>).items));
  };
  /** State dicts carry versions of their modules as `_metadata`; no tensor depends on them. Attributes of a tensor could be its numbers. */
  const build = () => {
    pop();
    const kind = kindOf(top());
    if (kind !== 'dict' && kind !== 'object')
      throw fail(`the pickle sets attributes of a ${kind}: wanted a state dict`);
  };
  const recall = (index: number) => {
    const value = memo.get(index);
    if (value === undefined) throw fail(`the pickle recalls value ${index}, which it did not keep`);
    stack.push(value);
  };

  for (let count = 0; count < MAX_OPCODES; count++) {
    const opcode = u8();
    switch (opcode) {
      case 0x80: {
        // PROTO
        const protocol = u8();
        if (protocol < 2 || protocol > 5) throw fail(`the pickle has protocol ${protocol}: wanted 2 to 5`);
        break;
      }
      case 0x95: // FRAME
        skip(8);
        break;
      case 0x2e: // STOP
        return { value: pop(), end: at };
      case 0x28: // MARK
        if (marks.length >= MAX_OPEN_MARKS) throw fail(`the pickle is nested more than ${MAX_OPEN_MARKS} deep`);
        marks.push(stack.length);
        break;
      case 0x4e: // NONE
        stack.push(null);
        break;
      case 0x88: // NEWTRUE
        stack.push(true);
        break;
      case 0x89: // NEWFALSE
        stack.push(false);
        break;
      case 0x4b: // BININT1
        stack.push(u8());
        break;
      case 0x4d: // BININT2
        stack.push(view.getUint16(skip(2), true));
        break;
      case 0x4a: // BININT
        stack.push(view.getInt32(skip(4), true));
        break;
      case 0x8a: // LONG1
        stack.push(integer(u8()));
        break;
      case 0x8b: // LONG4
        stack.push(integer(u32()));
        break;
      case 0x47: // BINFLOAT
        stack.push(view.getFloat64(skip(8), false));
        break;
      case 0x8c: // SHORT_BINUNICODE
        stack.push(text(u8()));
        break;
      case 0x58: // BINUNICODE
        stack.push(text(u32()));
        break;
      case 0x8d: // BINUNICODE8
        stack.push(text(u64()));
        break;
      case 0x55: // SHORT_BINSTRING
        stack.push(oldText(u8()));
        break;
      case 0x54: // BINSTRING
        stack.push(oldText(u32()));
        break;
      case 0x43: // SHORT_BINBYTES
        stack.push(binary(u8()));
        break;
      case 0x42: // BINBYTES
        stack.push(binary(u32()));
        break;
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        stack.push(binary(u64()));
        break;
      case 0x8f: // EMPTY_SET
        stack.push(object('set'));
        break;
      case 0x90: // ADDITEMS
        popToMark();
        break;
      case 0x91: // FROZENSET
        popToMark();
        stack.push(object('frozenset'));
        break;
      case 0x30: // POP
        pop();
        break;
      case 0x29: // EMPTY_TUPLE
        tuple([]);
        break;
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        tuple(popped(opcode - 0x84));
        break;
      case 0x74: // TUPLE
        tuple(popToMark());
        break;
      case 0x5d: // EMPTY_LIST
        stack.push({ kind: 'list', items: [] });
        break;
      case 0x61: // APPEND
        append(popped(1));
        break;
      case 0x65: // APPENDS
        append(popToMark());
        break;
      case 0x7d: // EMPTY_DICT
        stack.push({ kind: 'dict', entries: [] });
        break;
      case 0x73: // SETITEM
        setItems(popped(2));
        break;
      case 0x75: // SETITEMS
        setItems(popToMark());
        break;
      case 0x71: // BINPUT
        memo.set(u8(), top());
        break;
      case 0x72: // LONG_BINPUT
        memo.set(u32(), top());
        break;
      case 0x94: // MEMOIZE
        memo.set(memo.size, top());
        break;
      case 0x68: // BINGET
        recall(u8());
        break;
      case 0x6a: // LONG_BINGET
        recall(u32());
        break;
      case 0x63: // GLOBAL
        global(line(), line());
        break;
      case 0x93: {
        // STACK_GLOBAL
        const [module, name] = popped(2) as [Value, Value];
        global(module, name);
        break;
      }
      case 0x52: // REDUCE
      case 0x81: // NEWOBJ
        reduce();
        break;
      case 0x62: // BUILD
        build();
        break;
      case 0x51: // BINPERSID
        stack.push(host.persistent(pop()));
        break;
      default:
        throw fail(
          `the pickle uses ${opcodeName(opcode)}, which no state dict needs; nothing was executed`,
          STATE_DICTS_ONLY,
        );
    }
  }
  throw fail(`the pickle has more than ${MAX_OPCODES} opcodes`);
}

/** The kind of a value for messages and checks: 'dict', 'tuple', 'text', 'number', … */
export function kindOf(value: Pickled<{ readonly kind: string }> | undefined): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'object') return value.kind;
  return typeof value === 'string' ? 'text' : typeof value;
}

/** Opcodes that exist and are refused, so that the refusal can name them. */
// biome-ignore format: a table
const REFUSED = new Map([
  [0x31, 'POP_MARK'], [0x32, 'DUP'], [0x46, 'FLOAT'], [0x49, 'INT'], [0x4c, 'LONG'], [0x50, 'PERSID'], [0x53, 'STRING'],
  [0x56, 'UNICODE'], [0x64, 'DICT'], [0x67, 'GET'], [0x69, 'INST'], [0x6c, 'LIST'], [0x6f, 'OBJ'], [0x70, 'PUT'], [0x82, 'EXT1'],
  [0x83, 'EXT2'], [0x84, 'EXT4'], [0x92, 'NEWOBJ_EX'], [0x97, 'NEXT_BUFFER'], [0x98, 'READONLY_BUFFER'],
]);

function opcodeName(opcode: number): string {
  const name = REFUSED.get(opcode);
  return name ? `the opcode ${name}` : `the unknown opcode 0x${opcode.toString(16).padStart(2, '0')}`;
}
