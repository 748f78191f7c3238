import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CheckpointError } from '../../src/base/errors.ts';
import { type Pickled, unpickle } from '../../src/checkpoint/pickle.ts';
import { global, long, text, tuple } from './pickle-writer.ts';

type Made = { readonly kind: 'made'; readonly from: unknown };

const host = {
  file: 'test.pkl',
  allows: (name: string) => ['collections.OrderedDict', 'a.call'].includes(name),
  call: (name: string, args: readonly Pickled<Made>[]): Pickled<Made> =>
    name === 'a.call' ? { kind: 'made', from: args } : { kind: 'dict', entries: [] },
  persistent: (id: Pickled<Made>): Made => ({ kind: 'made', from: id }),
};
const run = (...bytes: (number | readonly number[])[]) =>
  unpickle<Made>(new Uint8Array([0x80, 2, ...bytes.flat()]), host);
const STOP = 0x2e;

describe('values', () => {
  test.each([
    ['None', [0x4e], null],
    ['True', [0x88], true],
    ['False', [0x89], false],
    ['BININT1', [0x4b, 200], 200],
    ['BININT2', [0x4d, 1, 2], 513],
    ['BININT', [0x4a, 0xfe, 0xff, 0xff, 0xff], -2],
    ['LONG1 of no bytes', [0x8a, 0], 0],
    ['LONG1', [0x8a, 1, 0xff], -1],
    ['LONG1 of 2^53 - 1', long(2 ** 53 - 1), 2 ** 53 - 1],
    ['LONG4', [0x8b, 2, 0, 0, 0, 0, 1], 256],
    ['BINFLOAT', [0x47, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0], 0.5],
    ['BINUNICODE', [0x58, 2, 0, 0, 0, 0xc3, 0x9f], 'ß'],
    ['SHORT_BINUNICODE', text('abc'), 'abc'],
    ['BINUNICODE8', [0x8d, 1, 0, 0, 0, 0, 0, 0, 0, 0x61], 'a'],
    ['EMPTY_TUPLE', [0x29], { kind: 'tuple', items: [] }],
    ['TUPLE2', [0x4b, 1, 0x4b, 2, 0x86], { kind: 'tuple', items: [1, 2] }],
    ['TUPLE', tuple([[0x4e], [0x88]]), { kind: 'tuple', items: [null, true] }],
    ['APPEND', [0x5d, 0x4b, 7, 0x61], { kind: 'list', items: [7] }],
    ['APPENDS', [0x5d, 0x28, 0x4b, 7, 0x4b, 8, 0x65], { kind: 'list', items: [7, 8] }],
    ['SETITEM', [0x7d, 0x4b, 1, 0x4b, 2, 0x73], { kind: 'dict', entries: [[1, 2]] }],
    ['BUILD', [0x7d, 0x7d, 0x62], { kind: 'dict', entries: [] }],
    ['BINPUT, BINGET', [0x4b, 5, 0x71, 9, 0x68, 9, 0x86], { kind: 'tuple', items: [5, 5] }],
    ['MEMOIZE', [0x4b, 5, 0x94, 0x6a, 0, 0, 0, 0, 0x86], { kind: 'tuple', items: [5, 5] }],
    ['REDUCE', [...global('a', 'call'), 0x4b, 3, 0x85, 0x52], { kind: 'made', from: [3] }],
    ['STACK_GLOBAL', [...text('a'), ...text('call'), 0x93], { kind: 'global', name: 'a.call' }],
    ['BINPERSID', [0x4b, 3, 0x51], { kind: 'made', from: 3 }],
    ['NEWOBJ', [...global('a', 'call'), 0x4b, 3, 0x85, 0x81], { kind: 'made', from: [3] }],
    ['SHORT_BINSTRING', [0x55, 2, 0x61, 0x62], 'ab'],
    ['BINSTRING that is no text', [0x54, 1, 0, 0, 0, 0xff], { kind: 'object', name: 'bytes' }],
    ['SHORT_BINBYTES', [0x43, 1, 0xff], { kind: 'object', name: 'bytes' }],
    ['BINBYTES', [0x42, 1, 0, 0, 0, 0xff], { kind: 'object', name: 'bytes' }],
    ['a set', [0x8f, 0x28, 0x4b, 1, 0x90], { kind: 'object', name: 'set' }],
    ['a number above 2^53', long(2 ** 53), { kind: 'object', name: 'a large number' }],
    ['a number of 9 bytes', [0x8a, 9, ...Array(9).fill(1)], { kind: 'object', name: 'a large number' }],
    ['attributes of a set', [0x8f, 0x7d, 0x62], { kind: 'object', name: 'set' }],
    ['POP', [0x4b, 1, 0x4b, 2, 0x30], 1],
  ])('%s', (_, bytes, value) => {
    expect(run(bytes, STOP)).toEqual(value);
  });
});

describe('what is refused says why', () => {
  test.each([
    ['a function that runs code', global('os', 'system'), /asks for 'os.system'.*nothing was executed/],
    ['the same in protocol 4', [...text('builtins'), ...text('eval'), 0x93], /asks for 'builtins.eval'/],
    ['making objects of classes with names for arguments', [0x92], /the opcode NEWOBJ_EX/],
    ['making an object of what is not allowed', [...global('os', 'system'), 0x29, 0x81], /asks for 'os.system'/],
    ['INST', [0x69], /the opcode INST/],
    ['an extension', [0x82], /the opcode EXT1/],
    ['no opcode', [0xff], /the unknown opcode 0xff/],
    ['a number of 9 bytes that are not there', [0x8a, 9], /ends too early/],
    ['a number of 4 GiB', [0x8b, 0xff, 0xff, 0xff, 0xff], /ends too early/],
    ['bytes that are not there', [0x42, 0xff, 0xff, 0xff, 0x7f], /ends too early/],
    ['bytes of 2^64', [0x8e, ...Array(8).fill(0xff)], /ends too early/],
    ['a text longer than the pickle', [0x58, 0xff, 0xff, 0xff, 0x7f], /ends too early/],
    ['a text of 2^64 bytes', [0x8d, ...Array(8).fill(0xff)], /ends too early/],
    ['a text that is not UTF-8', [0x8c, 1, 0xff], /not UTF-8/],
    ['a name without end', [0x63, ...Array(300).fill(0x61)], /does not end within 256/],
    ['an empty stack', [0x85], /takes more from its stack/],
    ['a stack emptied below a mark', [0x4e, 0x28, 0x85], /takes more from its stack/],
    ['a mark that is missing', [0x74], /did not begin/],
    ['65 marks', Array(65).fill(0x28), /more than 64 deep/],
    ['a value that was not kept', [0x68, 3], /recalls value 3/],
    ['a key without a value', [0x7d, 0x28, 0x4e, 0x75], /a key without a value/],
    ['items of a tuple', [0x29, 0x4e, 0x4e, 0x73], /sets items of a tuple/],
    ['appending to a dictionary', [0x7d, 0x4e, 0x61], /appends to a dict/],
    ['attributes of a tuple', [0x29, 0x7d, 0x62], /sets attributes of a tuple/],
    ['attributes of what the caller made', [0x4b, 3, 0x51, 0x7d, 0x62], /sets attributes of a made/],
    ['calling a text', [...text('os.system'), 0x29, 0x52], /calls a text/],
    ['a call without a tuple', [...global('a', 'call'), 0x4e, 0x52], /with a None/],
    ['the end', [], /ends too early/],
    ['protocol 1', [0x80, 1], /protocol 1: wanted 2 to 5/],
    ['protocol 6', [0x80, 6], /protocol 6/],
  ])('%s', (_, bytes, message) => {
    expect(() => run(bytes)).toThrow(message);
    expect(() => run(bytes)).toThrow(CheckpointError);
  });

  test('endless opcodes end', () => {
    const bytes = new Uint8Array(3 << 20).fill(0x4e);
    expect(() => unpickle(bytes, host)).toThrow('more than 2097152 opcodes');
  });

  test('a dictionary that holds itself is no trouble', () => {
    const loop = run(0x7d, 0x94, ...text('self'), 0x68, 0, 0x73, STOP) as { entries: unknown[][] };
    expect(loop.entries[0]?.[1]).toBe(loop);
  });
});

test('any bytes, and any sequence of known opcodes, give a value or a CheckpointError', () => {
  const short = [...'(NKMJGX)t]ae}sqrhjcRbQuUTCB0'].map((letter) => letter.charCodeAt(0));
  const known = [
    ...short,
    0x80,
    0x85,
    0x86,
    0x87,
    0x88,
    0x89,
    0x8a,
    0x8b,
    0x8c,
    0x8d,
    0x93,
    0x94,
    0x95,
    0x81,
    0x8e,
    0x8f,
    0x90,
    0x91,
    0x96,
  ];
  const opcode = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...known).map((byte) => [byte]) },
    fc.constantFrom(text('a'), global('a', 'call'), long(3), [0x28], [0x7d], [0x4b, 1]),
    fc.nat(255).map((byte) => [byte]),
  );
  const law = fc.property(fc.array(opcode, { maxLength: 60 }), (opcodes) => {
    try {
      run(...opcodes, STOP);
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
    }
  });
  fc.assert(law, { numRuns: 20_000 });
});
