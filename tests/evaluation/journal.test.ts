/** The file of answers: nothing that was written whole is lost, wherever the file is cut off. */
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UsageError } from '../../src/base/errors.ts';
import type { EvaluationAnswer } from '../../src/evaluation/requests.ts';
import { Journal } from '../../src/node/evaluation/journal-node.ts';

const IDENTITY = { weights: 'abc', tasks: 'one' };

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'journal-'));
  file = join(folder, 'answers');
});
afterEach(() => rmSync(folder, { recursive: true }));

const answer = fc.oneof(
  fc.record({
    kind: fc.constant('loglikelihood' as const),
    logProbability: fc.double({ noNaN: true }),
    isGreedy: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('rolling' as const),
    logProbability: fc.double({ max: 0, noNaN: true }),
    tokens: fc.nat(),
  }),
  fc.record({ kind: fc.constant('generate' as const), text: fc.string({ unit: 'grapheme' }) }),
);

async function filled(answers: readonly EvaluationAnswer[]): Promise<void> {
  const journal = await Journal.open(file, IDENTITY, { resume: false, now: new Date(0) });
  for (const [index, one] of answers.entries()) journal.write([{ index, answer: one }]);
  journal.close();
}

it('cut off at any byte, it goes on with the answers before the cut; and begins anew only without any', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(answer, { minLength: 1, maxLength: 5 }), fc.nat(), answer, async (answers, at, more) => {
      rmSync(file, { force: true });
      await filled(answers);
      const bytes = readFileSync(file);
      const header = bytes.indexOf('\n') + 1;
      const cut = header + (at % (bytes.length - header + 1));
      writeFileSync(file, bytes.subarray(0, cut));
      const whole = bytes.subarray(0, cut).toString('latin1').split('\n').length - 2;
      const journal = await Journal.open(file, IDENTITY, { resume: true });
      expect([...journal.answers]).toEqual([...answers.slice(0, whole).entries()]);
      if (whole > 0) expect(journal.started).toBe(new Date(0).toISOString());
      journal.write([{ index: 9, answer: more }]);
      journal.close();
      const after = await Journal.open(file, IDENTITY, { resume: true });
      after.close();
      expect([...after.answers]).toEqual([...answers.slice(0, whole).entries(), [9, more]]);
    }),
    { numRuns: 60 },
  );
});

it('with a bit that fell over, it has no answer that was not written, or is refused', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(answer, { minLength: 1, maxLength: 4 }),
      fc.nat(),
      fc.nat(7),
      async (answers, at, bit) => {
        rmSync(file, { force: true });
        await filled(answers);
        const bytes = readFileSync(file);
        bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ (1 << bit);
        writeFileSync(file, bytes);
        const opened = Journal.open(file, IDENTITY, { resume: true });
        const journal = await opened.catch((error: unknown) => error);
        if (journal instanceof Journal) {
          journal.close();
          expect(journal.answers.size).toBeGreaterThanOrEqual(answers.length - 2); // an end of line joins two
          for (const [index, one] of journal.answers) expect(one).toEqual(answers[index]);
        } else expect(journal).toBeInstanceOf(UsageError);
      },
    ),
    { numRuns: 100 },
  );
});

describe('a run', () => {
  const answers = [{ kind: 'generate', text: 'a' }] as const;

  it('that did not end goes on only when that is wanted', async () => {
    await filled(answers);
    await expect(Journal.open(file, IDENTITY, { resume: false })).rejects.toThrow(/--resume/);
    expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(3);
  });

  it('that has no answer yet can begin anew, and can be resumed before it began', async () => {
    await filled([]);
    (await Journal.open(file, { weights: 'other' }, { resume: false })).close();
    rmSync(file);
    (await Journal.open(file, IDENTITY, { resume: true })).remove();
    expect(existsSync(file)).toBe(false);
  });

  it('does not go on with the answers of another', async () => {
    await filled(answers);
    const other = Journal.open(file, { ...IDENTITY, weights: 'def' }, { resume: true });
    await expect(other).rejects.toThrow(UsageError);
    await expect(other).rejects.toThrow(/differs from this one in: weights/);
  });

  it('leaves out a damaged line and keeps the others; what is no such file is left alone', async () => {
    await filled([...answers, ...answers, ...answers]);
    const lines = readFileSync(file, 'utf8').split('\n');
    lines[2] = (lines[2] as string).replace('"a"', '"b"');
    writeFileSync(file, lines.join('\n'));
    const journal = await Journal.open(file, IDENTITY, { resume: true });
    journal.close();
    expect([...journal.answers.keys()]).toEqual([0, 2]);
    writeFileSync(file, 'my notes\n');
    appendFileSync(file, 'more');
    await expect(Journal.open(file, IDENTITY, { resume: true })).rejects.toThrow(/no file of answers/);
    expect(readFileSync(file, 'utf8')).toBe('my notes\nmore');
  });

  it('whose first line is gone, or that another version wrote, is left alone', async () => {
    await filled([...answers, ...answers]);
    const [header, ...lines] = readFileSync(file, 'utf8').split('\n') as [string, ...string[]];
    const opened = async (text: string) => {
      writeFileSync(file, text);
      await Journal.open(file, IDENTITY, { resume: true }).then(
        () => expect.fail('it was opened'),
        (error: Error) => expect(readFileSync(file, 'utf8'), error.message).toBe(text),
      );
      return Journal.open(file, IDENTITY, { resume: false });
    };
    await expect(opened(lines.join('\n'))).rejects.toThrow(/does not begin as a file of answers/);
    const later = header.slice(17).replace('"version":1', '"version":2');
    const digest = createHash('sha256').update(later).digest('hex').slice(0, 16);
    await expect(opened([`${digest} ${later}`, ...lines].join('\n'))).rejects.toThrow(/another version/);
  });
});
