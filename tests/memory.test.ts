/** Memory that this process may take, as files of a container or a machine tell it, and what follows from it. */
import { describe, expect, test } from 'vitest';
import { UsageError } from '../src/base/errors.ts';
import { localFolder } from '../src/checkpoint/folder-node.ts';
import { type OpenedModel, openModel } from '../src/loader/open.ts';
import { checkFits, weightBudget } from '../src/node/fits-node.ts';
import { type MemorySystem, memoryFacts, usableBytes } from '../src/node/memory-node.ts';
import { fromPretrained, openPretrained } from '../src/node.ts';
import { golden } from './cli/cli.ts';

const GB = 1e9;

/** A machine of 64 GB, of which 40 are free, with these files. */
const system = (files: Readonly<Record<string, string>>, more: Partial<MemorySystem> = {}): MemorySystem => ({
  read: (path) => files[path],
  totalBytes: 64 * GB,
  constrainedBytes: 0,
  availableBytes: 40 * GB,
  ...more,
});

describe('the limit', () => {
  test('is that of the machine where nothing says otherwise', () => {
    for (const constrainedBytes of [0, 2 ** 63, 18446744073709552000]) {
      const facts = memoryFacts(system({}, { constrainedBytes }));
      expect(facts).toEqual({
        totalBytes: 64 * GB,
        limitBytes: undefined,
        availableBytes: 40 * GB,
        addressSpaceBytes: undefined,
      });
      expect(usableBytes(facts)).toBe(64 * GB);
    }
  });

  test('is what Node knows of, where the files cannot be read', () => {
    const facts = memoryFacts(system({}, { constrainedBytes: 2 * GB }));
    expect(facts).toMatchObject({ limitBytes: 2 * GB, availableBytes: 2 * GB });
  });

  const mount2 = '29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate';
  const mount1 = '34 30 0:31 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory';

  test.each([
    [
      'of a container that sees its own group as the root (v2)',
      { '/sys/fs/cgroup/memory.max': '3000000000\n' },
      '0::/',
    ],
    ['of a service (v2)', { '/sys/fs/cgroup/a.slice/b.service/memory.max': '3000000000\n' }, '0::/a.slice/b.service'],
    [
      'of a group above, when its own says max (v2)',
      {
        '/sys/fs/cgroup/a/memory.max': '3000000000\n',
        '/sys/fs/cgroup/a/b/memory.max': 'max\n',
        '/sys/fs/cgroup/a/b/c/memory.max': '9000000000\n',
      },
      '0::/a/b/c',
    ],
    [
      'above which a process all but stands still (v2, memory.high)',
      { '/sys/fs/cgroup/memory.max': 'max\n', '/sys/fs/cgroup/memory.high': '3000000000' },
      '0::/',
    ],
    ['of a path that lies outside of what is mounted (v2)', { '/sys/fs/cgroup/memory.max': '3000000000' }, '0::/../x'],
  ])('is that %s', (_, files, cgroup) => {
    const facts = memoryFacts(system({ ...files, '/proc/self/mountinfo': mount2, '/proc/self/cgroup': `${cgroup}\n` }));
    expect(facts.limitBytes).toBe(3 * GB);
    expect(usableBytes(facts)).toBe(3 * GB);
  });

  test.each([
    ['of its own group (v1)', { '/sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes': '3000000000' }, '/docker/x'],
    [
      "of the mounted one, when the path is the host's (v1)",
      { '/sys/fs/cgroup/memory/memory.limit_in_bytes': '3000000000' },
      '/docker/x',
    ],
    [
      'of a group above (v1)',
      {
        '/sys/fs/cgroup/memory/a/memory.limit_in_bytes': '3000000000',
        '/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes': '9223372036854771712',
      },
      '/a/b',
    ],
    [
      'that memory.stat tells of all groups above (v1)',
      {
        '/sys/fs/cgroup/memory/a/memory.limit_in_bytes': '9223372036854771712',
        '/sys/fs/cgroup/memory/a/memory.stat': 'cache 1\nhierarchical_memory_limit 3000000000\n',
      },
      '/a',
    ],
  ])('is that %s', (_, files, path) => {
    const cgroup = `9:name=systemd:/\n4:cpu,memory:${path}\n0::/\n`;
    const facts = memoryFacts(system({ ...files, '/proc/self/mountinfo': mount1, '/proc/self/cgroup': cgroup }));
    expect(facts.limitBytes).toBe(3 * GB);
  });

  test('is found where only a part of the tree is mounted, and in unusual places', () => {
    const files = {
      '/proc/self/mountinfo': '34 30 0:31 /docker/x /cg/mem rw - cgroup cgroup rw,memory',
      '/proc/self/cgroup': '4:memory:/docker/x/inner',
      '/cg/mem/inner/memory.limit_in_bytes': '3000000000',
    };
    expect(memoryFacts(system(files)).limitBytes).toBe(3 * GB);
  });

  test('is found without a list of mounts', () => {
    expect(memoryFacts(system({ '/sys/fs/cgroup/memory.max': '3000000000' })).limitBytes).toBe(3 * GB);
  });

  test('of ulimit counts; one above the memory of the machine does not', () => {
    const limits = (data: string, addresses: string) =>
      `Limit                     Soft Limit           Hard Limit           Units\n` +
      `Max data size             ${data.padEnd(20)} unlimited            bytes\n` +
      `Max address space         ${addresses.padEnd(20)} unlimited            bytes\n`;
    const facts = memoryFacts(system({ '/proc/self/limits': limits('3000000000', '8000000000') }));
    expect(facts).toMatchObject({ limitBytes: 3 * GB, addressSpaceBytes: 8 * GB });
    const wide = memoryFacts(system({ '/proc/self/limits': limits('900000000000', 'unlimited') }));
    expect(wide).toMatchObject({ limitBytes: undefined, addressSpaceBytes: undefined });
  });

  test('leaves what others in the container have not taken; files that can be read again count as free', () => {
    const facts = memoryFacts(
      system({
        '/proc/self/mountinfo': mount2,
        '/proc/self/cgroup': '0::/',
        '/sys/fs/cgroup/memory.max': '3000000000',
        '/sys/fs/cgroup/memory.current': '2500000000',
        '/sys/fs/cgroup/memory.stat': 'anon 1000000000\ninactive_file 1000000000\nactive_file 500000000\n',
      }),
    );
    expect(facts.availableBytes).toBe(2 * GB);
    const machine = memoryFacts(system({ '/proc/meminfo': 'MemTotal: 62500000 kB\nMemAvailable:    1000000 kB\n' }));
    expect(machine.availableBytes).toBe(1_024_000_000);
  });

  test('of damaged files is none', () => {
    const files = {
      '/proc/self/mountinfo': 'x\n - \n',
      '/proc/self/cgroup': '::::\n',
      '/sys/fs/cgroup/memory.max': '',
    };
    expect(memoryFacts(system(files)).limitBytes).toBeUndefined();
  });
});

describe('a model', () => {
  const facts = (limitBytes: number, availableBytes = limitBytes) => ({
    ...{ totalBytes: 64 * GB, limitBytes, availableBytes, addressSpaceBytes: undefined },
  });

  /** As a model whose weights take this much. */
  async function sized(bytes: number, q8: number): Promise<OpenedModel> {
    const opened = await openModel(localFolder(golden('granite-untied')));
    await opened.checkpoint.close();
    const bytesIn = (format: string) => (format === 'q8' ? q8 : bytes);
    const plan = Object.create(opened.plan, { bytes: { value: bytes } });
    return { ...opened, plan, bytesIn, formats: ['auto', 'bf16', 'q8'] };
  }

  test('that does not fit is refused, with what it needs, what there is, and the formats that fit', async () => {
    const opened = await sized(3 * GB, 1.5 * GB);
    const check = (limit: number, memoryBytes?: number) =>
      checkFits(opened, { threads: 2, memoryBytes, facts: facts(limit) });
    check(4 * GB);
    expect(() => check(2 * GB)).toThrow(UsageError);
    expect(() => check(2 * GB)).toThrow(
      /needs 30\d\d MB of memory, but this process may take 2000 MB of the machine's 64000 MB.*fit: --weights q8 \(15\d\d MB\).*--memory/,
    );
    expect(() => check(1 * GB)).toThrow(/No format of its weights fits/);
    check(1 * GB, 4 * GB); // the caller knows better
    expect(() => check(64 * GB, 2 * GB)).toThrow(/may take 2000 MB \(--memory, memoryBytes\)/);
  });

  test('that fits only when others give memory back is loaded with a warning', async () => {
    const opened = await sized(3 * GB, 1.5 * GB);
    const warnings: string[] = [];
    const onWarning = (message: string) => warnings.push(message);
    checkFits(opened, { threads: 2, onWarning, facts: facts(4 * GB, 2 * GB) });
    expect(warnings.join()).toMatch(/needs 30\d\d MB of memory, and 2000 MB are free now/);
  });

  test('gets of memory what is left for weights, and never less than nothing', () => {
    expect(weightBudget(10 * GB, 4)).toBe(8 * GB);
    expect(weightBudget(0.2 * GB, 4)).toBeLessThan(0.1 * GB);
    expect(weightBudget(1000, 4)).toBe(0);
  });

  test('is opened by memoryBytes in the format that fits, or refused before its weights are read', async () => {
    const opened = await openPretrained(golden('granite-untied'), { memoryBytes: 4 * GB, threads: 1 });
    const [stored, q4] = [opened.plan.bytes, opened.bytesIn('q4')];
    await opened.checkpoint.close();
    const beside = 72e6 + 10e6;
    const tight = await openPretrained(golden('granite-untied'), {
      memoryBytes: beside + (stored + q4) / 2,
      threads: 1,
    });
    expect(tight.weights).not.toBe('auto');
    await tight.checkpoint.close();
    await expect(fromPretrained(golden('granite-untied'), { memoryBytes: 1e6 })).rejects.toThrow(
      /No format of its weights fits/,
    );
  });
});
