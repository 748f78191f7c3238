/** Training data out of memory: what the rows of a text, of ids and of records are. */
import { describe, expect, test } from 'vitest';
import { checkData, type DataOptions } from '../../src/data/options.ts';
import { prepareMemory } from '../../src/data/prepare.ts';
import { context, eos, idsOf, passOf, tokenizer } from './tokens.ts';

const plain = (text: string) => tokenizer.encode(text, { addSpecialTokens: false });
const rowsOf = async (options: DataOptions) => idsOf((await prepareMemory(options, context)).train);
const flat = async (options: DataOptions) =>
  (await rowsOf({ tail: 'keep', sequence: 1000, shuffle: false, ...options })).flat();

describe('data.ids', () => {
  test('are taken in order, beginning again at the end', async () => {
    const { train } = await prepareMemory(
      {
        ids: [
          [3, 17, 5],
          [7, 9, 11],
          [1, 2],
        ],
      },
      context,
    );
    const { rows, epoch } = await train.batch(1, 2);
    expect(rows.map(({ ids }) => [...ids])).toEqual([
      [1, 2],
      [3, 17, 5],
    ]);
    expect(rows[0]?.targetsMask).toBeUndefined();
    expect(epoch).toBe(0);
    expect((await train.batch(2, 2)).epoch).toBe(1);
  });

  test('outside of the vocabulary are refused, with their row', async () => {
    await expect(
      prepareMemory(
        {
          ids: [
            [1, 2],
            [3, 1e6],
          ],
        },
        context,
      ),
    ).rejects.toThrow(/row 1 of data\.ids has the id 1000000/);
    await expect(prepareMemory({ ids: [[1]] }, context)).rejects.toThrow('lists of at least two token ids');
  });
});

describe('the ends of documents', () => {
  const texts = ['Once upon a time.', 'The end.'];
  test('by default text, end of text (flash-attention, language_modeling_hf.py)', async () => {
    expect(await flat({ texts })).toEqual([...plain(texts[0] as string), eos, ...plain(texts[1] as string), eos]);
  });

  test('a space before the end of text, encoded with the text (Levanter, data/text.py)', async () => {
    expect(await flat({ texts, ends: ' {eos}' })).toEqual(texts.flatMap((text) => [...plain(`${text} `), eos]));
    expect(plain(`${texts[0]} `)).not.toEqual(plain(texts[0] as string));
  });

  test('none, or another text', async () => {
    expect(await flat({ texts, ends: '' })).toEqual(texts.flatMap(plain));
    expect(await flat({ texts: ['a'], ends: '\n{eos}{eos}b' })).toEqual([...plain('a\n'), eos, eos, ...plain('b')]);
  });

  test('names of special tokens in a text are these tokens, or plain text on request', async () => {
    const name = tokenizer.piece(eos);
    expect(await flat({ texts: [`a${name}b`] })).toEqual([...plain('a'), eos, ...plain('b'), eos]);
    const literal = tokenizer.encode(`a${name}b`, { addSpecialTokens: false, splitSpecialTokens: true });
    expect(literal).not.toContain(eos);
    expect(await flat({ texts: [`a${name}b`], splitSpecialTokens: true, ends: name })).toEqual([...literal, eos]);
  });
});

describe('rows', () => {
  const texts = [Array.from({ length: 300 }, (_, i) => `word ${i}.`).join(' ')];
  const stream = [...plain(texts[0] as string), eos];

  test('are windows of sequence + 1 ids, one sequence apart', async () => {
    const rows = await rowsOf({ texts, sequence: 16 });
    expect(rows.length).toBe(Math.floor((stream.length - 1) / 16));
    for (const [i, row] of rows.entries()) expect(row).toEqual(stream.slice(16 * i, 16 * i + 17));
  });

  test('are filled up with the end of text, which is no target there, if so wished', async () => {
    const prepared = await prepareMemory({ texts, sequence: 16, window: 17, stride: 17, tail: 'pad' }, context);
    const rows = await passOf(prepared.train);
    const last = stream.slice(17 * (rows.length - 1));
    expect(last.length).toBeLessThan(17);
    expect(rows.at(-1)?.ids).toEqual([...last, ...new Array(17 - last.length).fill(eos)]);
    expect(rows.at(-1)?.mask?.lastIndexOf(1)).toBe(last.length - 2);
    expect(rows[0]?.mask).toBeUndefined();
  });

  test('shuffled are the same rows in another order, which begins anew in each epoch', async () => {
    const { train } = await prepareMemory({ texts, sequence: 16 }, context);
    const read = async (place: number) => [...(await train.row(place)).ids].join();
    const epochOf = (epoch: number) =>
      Promise.all(Array.from({ length: train.count }, (_, i) => read(epoch * train.count + i)));
    const [first, second] = [await epochOf(0), await epochOf(1)];
    expect(first).not.toEqual(second);
    const source = (await rowsOf({ texts, sequence: 16 })).map((row) => row.join());
    expect(source).not.toEqual(first);
    for (const epoch of [first, second]) expect([...epoch].sort()).toEqual([...source].sort());
  });

  test('a batch has the same rows whether it is read alone or after others', async () => {
    const { train } = await prepareMemory({ texts, sequence: 16 }, context);
    let number = 2;
    for await (const batch of train.batches(2, { size: 5 })) {
      expect(batch).toEqual(await train.batch(number, 5));
      if (++number * 5 > 2 * train.count) break; // beyond an epoch
    }
    expect(5 * number).toBeGreaterThan(2 * train.count);
  });

  test('the identity is that of rows and order', async () => {
    const identity = async (options: DataOptions) => (await prepareMemory(options, context)).train.identity;
    const all = await Promise.all(
      [
        { texts, sequence: 16 },
        { texts, sequence: 15 },
        { texts, sequence: 16, seed: 2 },
        { texts, sequence: 16, shuffle: false },
        { texts: [`${texts[0]}!`], sequence: 16 },
        { texts, sequence: 16, validation: 0.5, validationBy: 'rows' as const },
      ].map(identity),
    );
    expect(new Set(all).size).toBe(all.length);
    expect(await identity({ texts, sequence: 16, seed: 1 })).toBe(all[0]);
  });
});

describe('prompt and completion', () => {
  const records = [{ prompt: 'One and one is', completion: ' two.' }];
  test('the loss counts on the completion and the end only', async () => {
    const [row] = await passOf((await prepareMemory({ records }, context)).train);
    const whole = [...plain('One and one is two.'), eos];
    const before = plain('One and one is').length;
    expect(row?.ids).toEqual(whole);
    expect(row?.mask).toEqual(whole.slice(1).map((_, i) => (i + 1 >= before ? 1 : 0)));
  });

  test('each is a row of its own, cut off at its length', async () => {
    const rows = await passOf(
      (await prepareMemory({ records: [...records, { prompt: 'a', completion: ' b' }], sequence: 4 }, context)).train,
    );
    expect(rows.map(({ ids }) => ids.length)).toEqual([5, 3]);
  });

  test('rows may also run on', async () => {
    const { train } = await prepareMemory(
      { records: [...records, { text: 'abc' }], rows: 'windows', sequence: 6, tail: 'keep' },
      context,
    );
    const rows = await passOf(train);
    const stream = [...plain('One and one is two.'), eos, ...plain('abc'), eos];
    expect(rows[0]?.ids).toEqual(stream.slice(0, 7));
    expect(rows.at(-1)?.mask?.at(-1)).toBe(1);
  });
});

describe('validation', () => {
  const texts = Array.from({ length: 200 }, (_, i) => `This is text number ${i}.`);
  test('a share of the documents is kept, always the same, and no document is in both', async () => {
    const options = { texts, sequence: 4, rows: 'documents', validation: 0.2 } as const;
    const first = await prepareMemory(options, context);
    const [train, held] = [await idsOf(first.train), await idsOf(first.validation)];
    expect(train.length + held.length).toBe(200);
    expect(held.length).toBeGreaterThan(25);
    expect(held.length).toBeLessThan(55);
    expect(await idsOf((await prepareMemory(options, context)).validation)).toEqual(held);
    expect(await idsOf((await prepareMemory({ ...options, seed: 9 }, context)).validation)).not.toEqual(held);
  });

  test('a share of the rows', async () => {
    const options = { texts, sequence: 8 } as const;
    const all = (await rowsOf(options)).map((row) => row.join());
    const { train, validation } = await prepareMemory({ ...options, validation: 0.1, validationBy: 'rows' }, context);
    const parts = [...(await idsOf(train)), ...(await idsOf(validation))].map((row) => row.join());
    expect(validation?.count).toBe(Math.round(all.length / 10));
    expect(parts.sort()).toEqual(all.sort());
  });

  test('that is empty is an error which says what to do', async () => {
    const one = { texts: [texts.join(' ')], sequence: 8, validation: 0.01 };
    await expect(prepareMemory(one, context)).rejects.toThrow(
      /nothing is left for validation.*data\.validationBy to 'rows'/,
    );
  });
});

describe('options that are refused', () => {
  test.each<[string, object, RegExp]>([
    ['no source', {}, /data has no source, wanted one of ids, texts, records, files/],
    ['two sources', { ids: [[1, 2]], texts: ['a'] }, /data has ids and texts/],
    ['a misspelt name', { text: ['a'] }, /did you mean 'texts'/],
    ['fields that exclude each other', { texts: ['a'], field: 'a', messages: 'b' }, /not several/],
    ['half of a pair', { texts: ['a'], prompt: 'b' }, /belong together/],
    ['a share of everything', { texts: ['a'], validation: 1 }, /from 0 to below 1/],
    ['a share of given ids', { ids: [[1, 2]], validation: 0.1 }, /no share for validation/],
  ])('%s', (_, options, message) => {
    expect(() => checkData(options)).toThrow(message);
  });

  test('files where there are none', async () => {
    await expect(prepareMemory({ files: 'a.txt' }, context)).rejects.toThrow(/Node only/);
  });

  test('too little text', async () => {
    await expect(prepareMemory({ texts: ['short'] }, context)).rejects.toThrow(
      /make no row of 513 ids.*data\.sequence/,
    );
  });

  test('a tokenizer with more ids than the model', async () => {
    const small = { ...context, vocabSize: 10 };
    await expect(prepareMemory({ texts: ['zebra'] }, small)).rejects.toThrow(/the tokenizer of another model/);
  });
});

describe('records', () => {
  test('that cannot be used are named, or left out on request', async () => {
    const records = [{ text: 'a good one' }, { words: 'x' }, { text: 7 }];
    await expect(prepareMemory({ records }, context)).rejects.toThrow(
      /record 1 of data\.records.*fields \["words"\].*data\.field/,
    );
    const warnings: string[] = [];
    const onWarning = (message: string) => warnings.push(message);
    const rest = await prepareMemory({ records, badRecords: 'skip', rows: 'documents' }, { ...context, onWarning });
    expect(rest.documents).toBe(1);
    expect(warnings[1]).toMatch(/record 2 .*'text' holds 7, wanted a text\. It is left out/);
  });
});
