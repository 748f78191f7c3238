/**
 * How much memory this process may use: that of the machine, limited by a container (cgroup v1 or v2, including all parent groups) and by
 * the shell (ulimit). A process that exceeds a container's limit is killed without a message. Files:
 * https://docs.kernel.org/admin-guide/cgroup-v2.html, cgroup-v1/memory.html, and proc(5).
 */
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';

export interface MemoryFacts {
  /** Memory of the machine. */
  readonly totalBytes: number;
  /** Memory available now, in the machine and the container. */
  readonly availableBytes: number;
  /** Limit of a container or of `ulimit -d`, if less than the machine's memory. */
  readonly limitBytes: number | undefined;
  /** Limit of the address space (`ulimit -v`). */
  readonly addressSpaceBytes: number | undefined;
}

/** The interface to the system; tests have their own. */
export interface MemorySystem {
  /** The text of a file; undefined when it cannot be read. */
  read(path: string): string | undefined;
  readonly totalBytes: number;
  /** Node's process.constrainedMemory(); 0, or more than the machine has, when there is no limit. */
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

/** Most bytes of memory that this process may use. */
export function usableBytes({ totalBytes, limitBytes }: MemoryFacts = memoryFacts()): number {
  return Math.min(totalBytes, limitBytes ?? totalBytes);
}

interface Group {
  /** Limit in bytes; infinite when there is none. */
  readonly limit: number;
  /** Bytes used, without file pages, which the system can drop. */
  readonly used: number;
}

/** The group of this process and all its parents that are visible. */
function memoryGroups(system: MemorySystem): Group[] {
  const own = (system.read('/proc/self/cgroup') ?? '').split('\n').map((line) => /^\d+:([^:]*):(.*)$/.exec(line));
  const groups: Group[] = [];
  for (const { version, root, folder } of mounts(system)) {
    const found = own.find((line) => (version === 2 ? line?.[1] === '' : line?.[1]?.split(',').includes('memory')));
    // Inside a container, the path may be that of the host, and only its last part is mounted.
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
  /** The group that is mounted. */
  readonly root: string;
  readonly folder: string;
}

/** Mount points of memory groups; the usual ones when the system does not list them. */
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

/** Bytes available without swapping. */
function meminfo({ read }: MemorySystem): number | undefined {
  const kilobytes = /^MemAvailable:\s+(\d+) kB$/m.exec(read('/proc/meminfo') ?? '')?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

/** Soft limits of the shell in bytes; infinite when there are none. */
function shellLimits({ read }: MemorySystem): { data: number; addresses: number } {
  const limits = read('/proc/self/limits') ?? '';
  const of = (name: string) => {
    const text = new RegExp(`^${name}\\s+(\\d+)\\s`, 'm').exec(limits)?.[1];
    return text === undefined ? Number.POSITIVE_INFINITY : Number(text);
  };
  return { data: of('Max data size'), addresses: of('Max address space') };
}
