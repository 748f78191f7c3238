/** Laws of the one door for files: what is no regular file stays what it is, links stay links, and nothing is left half-written. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  createReadStream,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UsageError } from '../../src/base/errors.ts';
import { writeFileWhole } from '../../src/checkpoint/output-node.ts';
import { checkOutputFile } from '../../src/checkpoint/output-place-node.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portmanteau-output-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (...names: string[]) => join(folder, ...names);
const text = (...contents: string[]) => contents.map((content) => new TextEncoder().encode(content));
/** More than a pipe holds. */
const long = Array.from({ length: 40 }, (_, i) => new Uint8Array(10_000).fill(i));

const made = (command: string, ...args: string[]): boolean => {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};
/** Device nodes of our own, never those in /dev: a mistake in what is tested would replace them. */
const canMakeDevices = (() => {
  const trial = mkdtempSync(join(tmpdir(), 'portmanteau-device-'));
  try {
    made('mknod', join(trial, 'null'), 'c', '1', '3');
    writeFileSync(join(trial, 'null'), 'x', { flag: 'r+' });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(trial, { recursive: true, force: true });
  }
})();
const isRoot = process.getuid?.() === 0;

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (error) => error,
  );
  expect(error).toBeInstanceOf(UsageError);
  return error.message;
}

describe.skipIf(process.platform === 'win32')('what is no regular file', () => {
  test('a pipe gets the bytes, stays a pipe, and is waited for until it has a reader', async () => {
    made('mkfifo', at('pipe'));
    const written = writeFileWhole(at('pipe'), long);
    await sleep(150);
    const read = await buffer(createReadStream(at('pipe')));
    await written;
    expect(read.equals(Buffer.concat(long))).toBe(true);
    expect(lstatSync(at('pipe')).isFIFO()).toBe(true);
    expect(readdirSync(folder)).toEqual(['pipe']);
  });

  test('a pipe that nobody reads is waited for no longer than the signal allows', async () => {
    made('mkfifo', at('pipe'));
    const stop = new AbortController();
    const written = writeFileWhole(at('pipe'), text('x'), { signal: stop.signal });
    setTimeout(() => stop.abort(new Error('enough')), 100);
    await expect(written).rejects.toThrow('enough');
  });

  test('a pipe whose reader leaves is an error', async () => {
    made('mkfifo', at('pipe'));
    const reader = createReadStream(at('pipe'));
    reader.once('data', () => reader.destroy());
    expect(await refusal(writeFileWhole(at('pipe'), [...long, ...long, ...long]))).toMatch(/reader has gone/);
  });

  test('a link to a pipe leads to the pipe', async () => {
    made('mkfifo', at('pipe'));
    symlinkSync('pipe', at('link'));
    const read = buffer(createReadStream(at('pipe')));
    await writeFileWhole(at('link'), text('through'));
    expect((await read).toString()).toBe('through');
    expect(lstatSync(at('link')).isSymbolicLink()).toBe(true);
  });

  test.skipIf(!canMakeDevices)('a device stays a device', async () => {
    made('mknod', at('null'), 'c', '1', '3');
    symlinkSync('null', at('link'));
    for (const name of ['null', 'link']) await writeFileWhole(at(name), long);
    expect(lstatSync(at('null')).isCharacterDevice()).toBe(true);
    expect(lstatSync(at('link')).isSymbolicLink()).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(['link', 'null']);
  });

  test.skipIf(!canMakeDevices)('a device that is full says so, and leaves nothing', async () => {
    made('mknod', at('full'), 'c', '1', '7');
    expect(await refusal(writeFileWhole(at('full'), long))).toMatch(/full cannot be written: the disk is full/);
    expect(readdirSync(folder)).toEqual(['full']);
  });

  test('a socket is refused, and stays', async () => {
    const server = createServer().listen(at('socket'));
    await once(server, 'listening');
    expect(await refusal(writeFileWhole(at('socket'), text('x')))).toMatch(/socket/);
    expect(lstatSync(at('socket')).isSocket()).toBe(true);
    server.close();
  });

  test('what this process has open is written on from where it is', async () => {
    const descriptor = openSync(at('open'), 'w');
    await writeFileWhole(`/dev/fd/${descriptor}`, text('one '));
    await writeFileWhole(`/proc/self/fd/${descriptor}`, text('two'));
    expect(readFileSync(at('open'), 'utf8')).toBe('one two');
    expect(await refusal(writeFileWhole('/dev/fd/9999', text('x')))).toMatch(/not open for writing/);
  });
});

describe('links', () => {
  test('stay links, however many and from whichever folder; the file at their end is replaced whole', async () => {
    mkdirSync(at('a', 'b'), { recursive: true });
    symlinkSync('../real', at('a', 'up'));
    symlinkSync(at('a', 'up'), at('a', 'b', 'first'));
    symlinkSync('a', at('folder'));
    writeFileSync(at('real'), 'old');
    for (const [content, path] of [
      ['one', at('a', 'b', 'first')],
      ['two', at('folder', 'up')],
    ] as const) {
      await writeFileWhole(path, text(content));
      expect(readFileSync(at('real'), 'utf8')).toBe(content);
    }
    expect(readlinkSync(at('a', 'up'))).toBe('../real');
    expect(lstatSync(at('a', 'b', 'first')).isSymbolicLink()).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(['a', 'folder', 'real']);
    expect(readdirSync(at('a')).sort()).toEqual(['b', 'up']);
  });

  test('that lead to nothing yet make the file', async () => {
    mkdirSync(at('there'));
    symlinkSync('there/new', at('link'));
    await checkOutputFile(at('link'));
    await writeFileWhole(at('link'), text('made'));
    expect(readFileSync(at('there', 'new'), 'utf8')).toBe('made');
    expect(lstatSync(at('link')).isSymbolicLink()).toBe(true);
  });

  test('in a circle, to a folder, and into a folder that is not there are refused', async () => {
    symlinkSync('b', at('a'));
    symlinkSync('a', at('b'));
    mkdirSync(at('folder'));
    symlinkSync('folder', at('c'));
    symlinkSync('nowhere/new', at('d'));
    for (const [name, told] of [
      ['a', /circle/],
      ['c', /is a folder/],
      ['d', /does not exist/],
    ] as const) {
      expect(await refusal(checkOutputFile(at(name)))).toMatch(told);
      expect(await refusal(writeFileWhole(at(name), text('x')))).toMatch(told);
    }
    expect(readdirSync(folder).sort()).toEqual(['a', 'b', 'c', 'd', 'folder']);
  });

  test('a second name of a file goes on to be one', async () => {
    writeFileSync(at('first'), 'old and longer');
    linkSync(at('first'), at('second'));
    await writeFileWhole(at('second'), text('new'));
    expect(readFileSync(at('first'), 'utf8')).toBe('new');
    expect(statSync(at('first')).ino).toBe(statSync(at('second')).ino);
    expect(readdirSync(folder).sort()).toEqual(['first', 'second']);
  });
});

describe('permissions', () => {
  test.each([0o600, 0o640, 0o755])('of a file that is replaced stay: %o', async (mode) => {
    writeFileSync(at('file'), 'old');
    chmodSync(at('file'), mode);
    await writeFileWhole(at('file'), text('new'));
    expect(statSync(at('file')).mode & 0o777).toBe(mode);
    expect(readFileSync(at('file'), 'utf8')).toBe('new');
  });

  test('of a new file are those of any new file', async () => {
    writeFileSync(at('usual'), '');
    await writeFileWhole(at('file'), text('new'));
    expect(statSync(at('file')).mode).toBe(statSync(at('usual')).mode);
  });

  test('what is private is private while it is written', async () => {
    writeFileSync(at('file'), 'old');
    chmodSync(at('file'), 0o600);
    async function* slow() {
      yield* text('a');
      for (const name of readdirSync(folder)) expect(statSync(at(name)).mode & 0o077).toBe(0);
    }
    await writeFileWhole(at('file'), slow());
  });

  test.skipIf(!isRoot)('the owner of a file stays, when the superuser replaces it', async () => {
    writeFileSync(at('file'), 'old');
    execFileSync('chown', ['12345:12345', at('file')]);
    await writeFileWhole(at('file'), text('new'));
    expect(statSync(at('file'))).toMatchObject({ uid: 12345, gid: 12345 });
  });

  test.skipIf(isRoot)(
    'a folder that may not be written to is refused, a file in it that may be is replaced',
    async () => {
      mkdirSync(at('locked'));
      writeFileSync(at('locked', 'mine'), 'old and longer');
      chmodSync(at('locked'), 0o555);
      expect(await refusal(checkOutputFile(at('locked', 'new')))).toMatch(/may not write/);
      expect(await refusal(writeFileWhole(at('locked', 'new'), text('x')))).toMatch(/may not write/);
      await writeFileWhole(at('locked', 'mine'), text('new'));
      expect(readFileSync(at('locked', 'mine'), 'utf8')).toBe('new');
      chmodSync(at('locked'), 0o755);
    },
  );
});

describe('names', () => {
  test('as long as the disk allows', async () => {
    for (const name of ['x'.repeat(255), 'é'.repeat(127)]) {
      await writeFileWhole(at(name), text('x'));
      expect(readdirSync(folder)).toEqual([name]);
      rmSync(at(name));
    }
    expect(await refusal(writeFileWhole(at('x'.repeat(300)), text('x')))).toMatch(/name is too long/);
  });

  test('of folders, and none, are refused', async () => {
    for (const name of ['', at('folder/'), folder]) await refusal(writeFileWhole(name, text('x')));
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('what a killed process has left', () => {
  const left = () => readdirSync(folder).filter((name) => name.startsWith('.'));

  test('is removed by the next that writes the same file, and by no other', async () => {
    const { temporaryName } = await import('../../src/checkpoint/temporary-node.ts');
    // As a process that runs no more would have called it: pid of a child that has ended.
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'close');
    const name = temporaryName('file').replace(`-${process.pid}-`, `-${child.pid}-`);
    writeFileSync(at(name), 'half');
    await writeFileWhole(at('other'), text('x'));
    expect(left()).toEqual([name]);
    await writeFileWhole(at('file'), text('x'));
    expect(left()).toEqual([]);
  });

  test('is not taken from a process that runs, nor from another machine that wrote just now', async () => {
    const { temporaryName } = await import('../../src/checkpoint/temporary-node.ts');
    const own = temporaryName('file');
    const foreign = own
      .replace(/portmanteau-[0-9a-f]{8}/, 'portmanteau-00000000')
      .replace(`-${process.pid}-`, '-999999-');
    for (const name of [own, foreign]) writeFileSync(at(name), 'half');
    await writeFileWhole(at('file'), text('x'));
    expect(left().sort()).toEqual([own, foreign].sort());
    execFileSync('touch', ['-d', '2 hours ago', at(foreign)]);
    await writeFileWhole(at('file'), text('x'));
    expect(left()).toEqual([own]);
  });
});

test('an input is read whole before the output replaces it', async () => {
  writeFileSync(at('same'), 'input');
  const source = createReadStream(at('same'), { highWaterMark: 2 });
  await writeFileWhole(at('same'), source as AsyncIterable<Uint8Array>);
  expect(readFileSync(at('same'), 'utf8')).toBe('input');
  expect(existsSync(at('same'))).toBe(true);
});

test('a disk that fills up is told, the old file stays, and nothing lies beside it', async () => {
  async function* full() {
    yield* text('half');
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  }
  writeFileSync(at('file'), 'old');
  expect(await refusal(writeFileWhole(at('file'), full()))).toMatch(/file cannot be written: the disk is full/);
  expect(readFileSync(at('file'), 'utf8')).toBe('old');
  expect(readdirSync(folder)).toEqual(['file']);
});
