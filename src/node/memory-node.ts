/**
 * How much memory this process may take: that of the machine, less what a container (cgroup v1 or v2, any of the groups above this one too)
 * or a limit of the shell (ulimit) allows. A process that takes more is killed without a word.
 * Files: https://docs.kernel.org/admin-guide/cgroup-v2.html, cgroup-v1/memory.html, and proc(5).
 */
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';

export interface MemoryFacts {
  /** Of the machine. */
  readonly totalBytes: number;
  /** What can be had at this moment, of the machine and of the container. */
  readonly availableBytes: number;
  /** What a container or `ulimit -d` allows, where that is less than the machine has. */
  readonly limitBytes: number | undefined;
  /** What `ulimit -v` allows of addresses, used or not. */
  readonly addressSpaceBytes: number | undefined;
}

/** What this file asks of the system; tests give their own. */
export interface MemorySystem {
  /** The text of a file; undefined when it cannot be read. */
  read(path: string): string | undefined;
  readonly totalBytes: number;
  /** As Node tells them; 0 or more than the machine has where there is no limit. */
  readonly constrainedBytes: number;
  readonly availableBytes: number;
}

function thisSystem(): MemorySystem {
  return {
    totalBytes: totalmem(),
    constrainedBytes: process.constrainedMemory(),
    availableBytes: process.availableMemory(),
    read(path) {
      try {
        return readFileSync(path, 'utf8');
      } catch {
        return undefined; // no Linux, or no such group
      }
    },
  };
}

export function memoryFacts(system: MemorySystem = thisSystem()): MemoryFacts {
  const { totalBytes, constrainedBytes, availableBytes } = system;
  const groups = memoryGroups(system);
  const shell = shellLimits(system);
  const limits = [constrainedBytes, shell.data, ...groups.map(({ limit }) => limit)];
  const least = Math.min(...limits.filter((bytes) => bytes > 0));
  const free = [meminfo(system) ?? availableBytes, ...groups.map(({ limit, used }) => Math.max(0, limit - used))];
  return {
    totalBytes,
    limitBytes: least < totalBytes ? least : undefined,
    availableBytes: Math.min(totalBytes, least, ...free),
    addressSpaceBytes: Number.isFinite(shell.addresses) ? shell.addresses : undefined,
  };
}

/** The most that this process may have in memory. */
export function usableBytes({ totalBytes, limitBytes }: MemoryFacts = memoryFacts()): number {
  return Math.min(totalBytes, limitBytes ?? totalBytes);
}

interface Group {
  /** Bytes; infinite where there is none. */
  readonly limit: number;
  /** Without what the system would give up: pages of files. */
  readonly used: number;
}

/** The group of this process and all above it, as far as they can be seen. */
function memoryGroups(system: MemorySystem): Group[] {
  const own = (system.read('/proc/self/cgroup') ?? '').split('\n').map((line) => /^\d+:([^:]*):(.*)$/.exec(line));
  const groups: Group[] = [];
  for (const { version, root, folder } of mounts(system)) {
    const found = own.find((line) => (version === 2 ? line?.[1] === '' : line?.[1]?.split(',').includes('memory')));
    // Inside of a container the path may be that of the host, of which only the end is mounted here.
    const path = found?.[2] ?? '/';
    const inside = path === root || path.startsWith(`${root.replace(/\/$/, '')}/`) ? path.slice(root.length) : path;
    const parts = inside.split('/').filter((part) => part !== '' && part !== '..');
    for (let length = parts.length; length >= 0; length--)
      groups.push(groupAt(system, version, join(folder, ...parts.slice(0, length))));
  }
  return groups;
}

interface Mount {
  readonly version: 1 | 2;
  /** Which group is mounted. */
  readonly root: string;
  readonly folder: string;
}

/** Where groups of memory can be read; the usual places, when the system does not say. */
function mounts({ read }: MemorySystem): Mount[] {
  const found: Mount[] = [];
  for (const line of (read('/proc/self/mountinfo') ?? '').split('\n')) {
    // 34 30 0:31 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root, folder] = before.split(' ');
    const [type, , options = ''] = after.split(' ');
    if (root === undefined || folder === undefined) continue;
    if (type === 'cgroup2') found.push({ version: 2, root, folder });
    else if (type === 'cgroup' && options.split(',').includes('memory')) found.push({ version: 1, root, folder });
  }
  if (found.length > 0) return found;
  return [
    { version: 2, root: '/', folder: '/sys/fs/cgroup' },
    { version: 1, root: '/', folder: '/sys/fs/cgroup/memory' },
  ];
}

function groupAt({ read }: MemorySystem, version: 1 | 2, folder: string): Group {
  const number = (file: string): number => {
    const text = read(join(folder, file))?.trim();
    return text !== undefined && /^\d+$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY; // `max`, or no such file
  };
  const stat = read(join(folder, 'memory.stat')) ?? '';
  const given = (key: string): number => Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(stat)?.[1] ?? Number.NaN);
  const used = number(version === 2 ? 'memory.current' : 'memory.usage_in_bytes');
  const prefix = version === 2 ? '' : 'total_'; // with the groups below
  const files = (given(`${prefix}inactive_file`) || 0) + (given(`${prefix}active_file`) || 0);
  const limits =
    version === 2
      ? [number('memory.max'), number('memory.high')] // above `high` a process all but stands still
      : [number('memory.limit_in_bytes'), given('hierarchical_memory_limit') || Number.POSITIVE_INFINITY];
  return { limit: Math.min(...limits), used: Number.isFinite(used) ? Math.max(0, used - files) : 0 };
}

/** Bytes that can be had without swapping. */
function meminfo({ read }: MemorySystem): number | undefined {
  const kilobytes = /^MemAvailable:\s+(\d+) kB$/m.exec(read('/proc/meminfo') ?? '')?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

/** Soft limits in bytes; infinite where there are none. */
function shellLimits({ read }: MemorySystem): { data: number; addresses: number } {
  const limits = read('/proc/self/limits') ?? '';
  const of = (name: string) => {
    const text = new RegExp(`^${name}\\s+(\\d+)\\s`, 'm').exec(limits)?.[1];
    return text === undefined ? Number.POSITIVE_INFINITY : Number(text);
  };
  return { data: of('Max data size'), addresses: of('Max address space') };
}
