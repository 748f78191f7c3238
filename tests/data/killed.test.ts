/** The tokenising process is killed, or the disk refuses its shards: what is stored stays whole, and it goes on from there. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { DataOptions } from '../../src/data/options.ts';
import { type FileDataContext, prepareData } from '../../src/data/prepare-node.ts';
import { context, passOf, scratch } from './tokens.ts';

const root = new URL('../../', import.meta.url);
const entry = fileURLToPath(new URL('dist/src/node.js', root));
const model = fileURLToPath(new URL('models/backpack-tiny', root));

const limits = { shardTokens: 4000, fileTokens: 1000, pieceCharacters: 5000 };

/** Prepares data as described by the first argument, with a line for each report of progress. */
const SCRIPT = `
  const { prepareData, openTokenizerOf } = await import(${JSON.stringify(entry)});
  const { options, directory, limits } = JSON.parse(process.argv[1]);
  const tokenizer = await openTokenizerOf(${JSON.stringify(model)});
  const onProgress = ({ index, tokens }) => process.stdout.write(index + ' ' + tokens + '\\n');
  const context = { tokenizer, vocabSize: tokenizer.vocabSize, seed: 1, tokenizerIdentity: 'tiny', directory, limits, onProgress };
  try {
    const data = await prepareData(options, context);
    await data.close();
  } catch (error) {
    process.stderr.write(error.name + ': ' + error.message);
    process.exitCode = 2;
  }
`;

function corpus() {
  const folder = scratch();
  mkdirSync(join(folder, 'texts'));
  const words = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => `The cat saw ${from + i} birds.`);
  writeFileSync(join(folder, 'texts', 'a.txt'), words(0, 4000).join('\n'));
  const lines = words(5000, 6000).map((text) => JSON.stringify({ text }));
  writeFileSync(join(folder, 'texts', 'b.jsonl'), lines.join('\n'));
  const options: DataOptions = { files: 'texts', sequence: 64, shuffle: false, validation: 0.1, cache: 'cache' };
  return { folder, options };
}

const passes = async (options: DataOptions, from: FileDataContext) => {
  const data = await prepareData(options, from);
  try {
    return [data.train.identity, await passOf(data.train), await passOf(data.validation)];
  } finally {
    await data.close();
  }
};

describe('a process that tokenises', () => {
  test('and is killed again and again gives what one go gives, and reads no finished file again', async () => {
    const { folder, options } = corpus();
    const here = { ...context, directory: folder, limits };
    const wanted = await passes({ ...options, cache: 'whole' }, here);
    const argument = JSON.stringify({ options, directory: folder, limits });
    const firsts: number[] = [];
    for (let kill = 0; kill < 3; kill++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', SCRIPT, argument], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      let seen = '';
      child.stdout.on('data', (text) => {
        seen += text;
        if (seen.split('\n').length > 3) setTimeout(() => child.kill('SIGKILL'), 7 * kill);
      });
      await once(child, 'exit');
      firsts.push(Number(seen.split('\n')[0]?.split(' ')[1] ?? 0));
    }
    expect(firsts).toEqual([...firsts].sort((a, b) => a - b)); // it begins where the one before came to
    const stored = readdirSync(join(folder, 'cache')).filter((name) => name !== 'inputs.json');
    expect(stored).toHaveLength(1);
    const manifest = JSON.parse(readFileSync(join(folder, 'cache', stored[0] as string, 'data.json'), 'utf8'));
    const files: number[] = [];
    expect(await passes(options, { ...here, onProgress: ({ index }) => files.push(index) })).toEqual(wanted);
    expect(files.every((index) => index >= manifest.next.file)).toBe(true);
  }, 60_000);

  test.skipIf(process.platform === 'win32')(
    'and may not write a shard says so, leaves nothing half-written, and goes on later',
    async () => {
      const { folder, options } = corpus();
      const argument = JSON.stringify({ options, directory: folder, limits });
      // In blocks of 512 bytes or of a kilobyte: lists are written, shards of 4000 ids are not.
      const limited = [
        '-c',
        `ulimit -f 7; exec "${process.execPath}" --input-type=module -e '${SCRIPT.replaceAll("'", '"')}' '${argument}'`,
      ];
      const { status, stderr } = spawnSync('sh', limited, { encoding: 'utf8' });
      expect(stderr).toMatch(
        /UsageError: .*train-00000\.safetensors cannot be written: it is larger than that disk or a limit/,
      );
      expect(status).toBe(2);
      const left = readdirSync(join(folder, 'cache'), { recursive: true, encoding: 'utf8' });
      expect(left.filter((name) => /safetensors|portmanteau/.test(name))).toEqual([]);
      const here = { ...context, directory: folder, limits };
      const again = await passes(options, here);
      rmSync(join(folder, 'cache'), { recursive: true });
      expect(again).toEqual(await passes(options, here));
    },
    30_000,
  );
});
