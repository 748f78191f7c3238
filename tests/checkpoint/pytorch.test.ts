import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CheckpointError } from '../../src/base/errors.ts';
import { readPyTorch } from '../../src/checkpoint/pytorch.ts';
import type { StoredTensor } from '../../src/checkpoint/safetensors.ts';
import type { Source } from '../../src/checkpoint/source.ts';
import { global, long, stateDict, text, tuple } from './pickle-writer.ts';
import { sourceOf, zipOf } from './zip-writer.ts';

// The fixtures and expected.txt are written by tools/reference/make_pickles.py with PyTorch 2.13.
const tests = fileURLToPath(new URL('../', import.meta.url));
const fixture = (name: string) => new Uint8Array(readFileSync(`${tests}fixtures/pickle/${name}.bin`));
const READABLE = [
  'plain',
  'views',
  'tied',
  'module',
  'parameters',
  'nested',
  'protocol-4',
  'attributes',
  'beside',
  'float8',
  'legacy',
  'legacy-shared',
];
const REFUSED = ['hostile', 'negated', 'sparse'];

/** Lines of the tensors, by file. */
const EXPECTED = new Map<string, string[]>();
for (const line of readFileSync(`${tests}fixtures/pickle/expected.txt`, 'utf8').trimEnd().split('\n')) {
  if (line.includes('\t')) [...EXPECTED.values()].at(-1)?.push(line);
  else EXPECTED.set(line, []);
}

async function bytesOf(tensor: StoredTensor, pieceBytes = Number.POSITIVE_INFINITY): Promise<Uint8Array> {
  const bytes = new Uint8Array(tensor.byteLength);
  for (let at = 0; at < bytes.length; at += pieceBytes)
    await tensor.read(at, bytes.subarray(at, Math.min(bytes.length, at + pieceBytes)));
  return bytes;
}

async function describeTensors(source: Source): Promise<string[]> {
  const tensors = await readPyTorch(source);
  const digest = async (tensor: StoredTensor) =>
    createHash('sha256')
      .update(await bytesOf(tensor))
      .digest('hex')
      .slice(0, 16);
  return Promise.all(tensors.map(async (t) => [t.name, t.dtype, t.shape.join(), await digest(t)].join('\t')));
}

const refusal = (bytes: Uint8Array) => readPyTorch(sourceOf(bytes)).then(String, (error: Error) => error);

describe('files of torch.save', () => {
  test.each([...EXPECTED.keys()])('%s has the tensors that torch sees', async (file) => {
    const source = sourceOf(new Uint8Array(readFileSync(tests + file)));
    expect(await describeTensors(source)).toEqual(EXPECTED.get(file));
  });

  test.each(READABLE)('reading %s in pieces of any length equals reading it at once', async (name) => {
    for (const tensor of await readPyTorch(sourceOf(fixture(name)))) {
      const whole = await bytesOf(tensor);
      for (const pieceBytes of [1, 3, 8, 50]) expect(await bytesOf(tensor, pieceBytes)).toEqual(whole);
    }
  });

  test('reading beyond a tensor is refused', async () => {
    const [tensor] = await readPyTorch(sourceOf(fixture('plain')));
    await expect(tensor?.read(tensor.byteLength - 1, new Uint8Array(2))).rejects.toThrow(CheckpointError);
  });

  test('a signal reaches the source', async () => {
    const [tensor] = await readPyTorch(sourceOf(fixture('plain')));
    await expect(tensor?.read(0, new Uint8Array(1), AbortSignal.abort())).rejects.toThrow(/abort/);
  });

  test('contiguous tensors are read straight into the memory of the caller, in one read', async () => {
    const into = new Uint8Array(4);
    const reads: Uint8Array[] = [];
    const source = sourceOf(fixture('plain'), (_, bytes) => reads.push(bytes));
    const tensor = (await readPyTorch(source)).find(({ name }) => name === 'f32');
    reads.length = 0;
    await tensor?.read(8, into);
    expect(reads.map((bytes) => bytes.buffer === into.buffer)).toEqual([true]);
  });
});

describe('what is refused is named', () => {
  test.each([
    ['hostile', /asks for 'posix.system', which is not part of rebuilding tensors; nothing was executed/],
    ['negated', /numbers are stored negated/],
    ['sparse', /asks for 'torch._utils._rebuild_sparse_tensor'/],
  ])('%s', async (name, message) => {
    const error = await refusal(fixture(name));
    expect(error).toBeInstanceOf(CheckpointError);
    expect(String(error)).toMatch(message);
  });

  const pickle = [0x80, 2, 0x7d, 0x2e]; // {}
  test.each([
    ['an empty file', new Uint8Array(), /is empty/],
    ['other bytes', Uint8Array.of(1, 2, 3), /does not start as a zip file/],
    ['a web page', new TextEncoder().encode('<!doctype html><title>Sign in</title>'), /is a web page/],
    ['zeros', new Uint8Array(100), /begins with zeros/],
    ['a pointer of Git LFS', new TextEncoder().encode('version https://git-lfs.github.com/spec/v1\n'), /git lfs pull/],
    ['a file cut in the middle', fixture('plain').subarray(0, 2000), /may have been cut off/],
    ['another zip file', zipOf([{ name: 'word/document.xml', data: [1, 2] }]), /0 entries <name>\/data.pkl/],
    ['two pickles', zipOf(['a', 'b'].map((at) => ({ name: `${at}/data.pkl`, data: pickle }))), /2 entries <name>/],
    ['compression', zipOf([{ name: 'a/data.pkl', data: pickle, method: 8 }]), /compressed \(deflate\)/],
    ['encryption', zipOf([{ name: 'a/data.pkl', data: pickle, flags: 1 }]), /is encrypted/],
    ['no tensors', zipOf([{ name: 'a/data.pkl', data: pickle }]), /holds no tensors, only an empty dictionary/],
    [
      'big-endian numbers',
      zipOf([
        { name: 'a/data.pkl', data: pickle },
        { name: 'a/byteorder', data: [...'big'].map((c) => c.charCodeAt(0)) },
      ]),
      /'big'-endian: wanted 'little'/,
    ],
  ])('%s', async (_, bytes, message) => {
    const error = await refusal(bytes as Uint8Array);
    expect(error).toBeInstanceOf(CheckpointError);
    expect(String(error)).toMatch(message as RegExp);
  });
});

const byteTensor = (numel: number, offset: number, shape: readonly number[], strides: readonly number[]) =>
  stateDict([{ numel, offset, shape, strides }]);

const withStorage = (pickle: number[], data: number[]) =>
  zipOf([
    { name: 'a/data.pkl', data: pickle },
    { name: 'a/data/0', data },
  ]);

describe('views', () => {
  const data = Array.from({ length: 24 }, (_, i) => i);

  test('bytes of any type are read as the type that the tensor names', async () => {
    const storage = [text('storage'), global('torch.storage', 'UntypedStorage'), text('0'), text('cpu'), long(24)];
    const args = [[...tuple(storage), 0x51], long(2), tuple([long(2)]), tuple([long(2)]), [0x89], [0x4e]];
    const make = (dtype: string) => {
      const rebuilt = [
        ...global('torch._utils', '_rebuild_tensor_v3'),
        ...tuple([...args, global('torch', dtype)]),
        0x52,
      ];
      return withStorage([0x80, 2, 0x7d, ...text('weight'), ...rebuilt, 0x73, 0x2e], data);
    };
    const [tensor] = await readPyTorch(sourceOf(make('int16')));
    expect(tensor).toMatchObject({ name: 'weight', dtype: 'I16', shape: [2], byteLength: 4 });
    expect([...(await bytesOf(tensor as StoredTensor))]).toEqual([4, 5, 8, 9]);
    expect(String(await refusal(make('FloatStorage')))).toMatch("a tensor of the type 'torch.FloatStorage'");
  });

  test('two tensors of one name are refused', async () => {
    const view = { numel: 24, shape: [1], strides: [1] };
    expect(String(await refusal(withStorage(stateDict([view, view]), data)))).toMatch("two tensors called 'weight'");
  });

  test('more than 32768 tensors are refused', async () => {
    const one = stateDict([{ numel: 24, shape: [1], strides: [1] }]).slice(0, -2); // before SETITEMS and STOP
    const again = Array.from({ length: 32768 }, (_, i) => [...text(`${i}`), 0x68, 0]); // BINGET
    const pickle = [...one, 0x94, ...again.flat(), 0x75, 0x2e];
    expect(String(await refusal(withStorage(pickle, data)))).toMatch('more than 32768 tensors');
  });

  test('a storage that is not in the file is refused', async () => {
    const pickle = stateDict([{ key: '7', numel: 24, shape: [1], strides: [1] }]);
    expect(String(await refusal(withStorage(pickle, data)))).toMatch("the entry 'a/data/7' of a storage is missing");
  });

  test.each([
    ['beyond its storage', byteTensor(24, 1, [2, 12], [12, 1]), /does not lie inside its storage/],
    ['a storage beyond its entry', byteTensor(25, 0, [2], [1]), /does not fit its entry 'a\/data\/0' of 24/],
    ['a negative stride', byteTensor(24, 23, [2], [-1]), /no numbers from 0 to 2\^53/],
    ['a negative size', byteTensor(24, 0, [-1], [1]), /no numbers from 0 to 2\^53/],
    ['an offset above 2^53', byteTensor(24, 2 ** 60, [1], [1]), /no numbers from 0 to 2\^53/],
    [
      'sizes whose product is above 2^53',
      byteTensor(24, 0, Array(4).fill(2 ** 20), Array(4).fill(0)),
      /larger than the/,
    ],
    ['endless repetition', byteTensor(24, 0, [2 ** 40], [0]), /larger than the whole file/],
    ['rows that overlap', byteTensor(24, 0, [5, 4], [2, 1]), /overlaps itself/],
    ['17 axes', byteTensor(24, 0, Array(17).fill(1), Array(17).fill(1)), /no numbers/],
    ['fewer strides than sizes', byteTensor(24, 0, [2, 2], [1]), /no numbers/],
  ])('%s is refused', async (_, pickle, message) => {
    const error = await refusal(withStorage(pickle, data));
    expect(error).toBeInstanceOf(CheckpointError);
    expect(String(error)).toMatch(message);
  });

  test('any view without overlap reads as its elements one by one', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });
    const gaps = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 4, maxLength: 4 });
    const law = fc.asyncProperty(
      sizes,
      gaps,
      fc.infiniteStream(fc.nat()),
      fc.nat(5),
      async (shape, gaps, order, offset) => {
        const axes = shape.map((size, i) => ({ size, i, rank: order.next().value as number, stride: 0 }));
        let span = 1;
        for (const axis of [...axes].sort((a, b) => a.rank - b.rank)) {
          axis.stride = axis.rank % 7 === 0 ? 0 : span + (gaps[axis.i] as number);
          span += (axis.size - 1) * axis.stride;
        }
        const data = Array.from({ length: offset + span }, (_, i) => i % 251);
        const strides = axes.map(({ stride }) => stride);
        const [tensor] = await readPyTorch(
          sourceOf(withStorage(byteTensor(data.length, offset, shape, strides), data)),
        );
        let wanted = [offset];
        for (const { size, stride } of axes)
          wanted = wanted.flatMap((at) => Array.from({ length: size }, (_, i) => at + i * stride));
        const bytes = await bytesOf(tensor as StoredTensor, 7);
        expect([...bytes]).toEqual(wanted.map((at) => data[at]));
      },
    );
    await fc.assert(law, { numRuns: 300 });
  });
});

describe('damaged files', { timeout: 30_000 }, () => {
  const ALL = [...READABLE, ...REFUSED].map(fixture);

  /** Opens and reads everything. */
  async function survives(bytes: Uint8Array): Promise<void> {
    try {
      for (const tensor of await readPyTorch(sourceOf(bytes))) {
        expect(tensor.byteLength).toBeLessThanOrEqual(bytes.length);
        await bytesOf(tensor);
      }
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
    }
  }

  test('any bytes changed: the file is read or refused', async () => {
    const changes = fc.array(fc.record({ at: fc.nat(4004), to: fc.nat(255) }), { minLength: 1, maxLength: 4 });
    const law = fc.asyncProperty(fc.constantFrom(...ALL), changes, async (original, changes) => {
      const bytes = original.slice();
      for (const { at, to } of changes) bytes[at % bytes.length] = to;
      await survives(bytes);
    });
    await fc.assert(law, { numRuns: 2000 });
  });

  test('any byte of a small file changed: the file is read or refused', async () => {
    const original = fixture('tied');
    for (let at = 0; at < original.length; at++) {
      for (const to of [0, 1, 0x7f, 0xff, (original[at] as number) ^ 0x80]) {
        const bytes = original.slice();
        bytes[at] = to;
        await survives(bytes);
      }
    }
  });

  test('cut anywhere, the file is refused', async () => {
    const original = fixture('module');
    for (let length = 0; length < original.length; length += 7)
      expect(await refusal(original.subarray(0, length))).toBeInstanceOf(CheckpointError);
  });

  test('random bytes after the mark of a zip file, and as a pickle, are refused', async () => {
    const law = fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      await survives(new Uint8Array([0x50, 0x4b, 3, 4, ...bytes]));
      await survives(withStorage([0x80, 2, ...bytes, 0x2e], [1, 2]));
    });
    await fc.assert(law, { numRuns: 1000 });
  });
});
