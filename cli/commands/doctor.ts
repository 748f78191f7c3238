/** `doctor`: describes this machine, Node and the environment, the choices that follow, and what would help. */
import { cpus } from 'node:os';
import type { Command } from 'commander';
import {
  ADDRESS_SPACE_ADVICE,
  type BackendDescription,
  describeBackend,
  describeHub,
  enableEngineFeatures,
  type HubDescription,
  type MemoryFacts,
  memoryFacts,
} from '../../src/node.ts';
import { jsonOption } from '../options.ts';
import { columns, megabytes, printJson } from '../output.ts';

/** Everything that is reported. */
export interface Report extends MemoryFacts {
  readonly version: string;
  readonly node: string;
  readonly v8: string;
  readonly platform: string;
  readonly arch: string;
  readonly cpu: string | undefined;
  /** Cores of the machine; `backend.cores` are those that this process may use. */
  readonly cores: number;
  readonly backend: BackendDescription;
  readonly hub: HubDescription;
  /** Options of Node. */
  readonly options: readonly string[];
  /** Engine flags set by this program to make the kernels faster. */
  readonly engineFlags: readonly string[];
  readonly advice: readonly string[];
}

/** Below this much free disk space, a hint is given: about one model of 3 billion parameters at 16 bits. */
const FEW_DISK_BYTES = 6e9;

export function addDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .description('describe this machine and Node, the choices made by default, and what would make it faster');
  jsonOption(command, 'the same, in bytes')
    .addHelpText('after', '\nExample:\n  portmanteau doctor --json | jq .advice')
    .action(async ({ json }: { json?: boolean }) => {
      const report = await examine(program.version() ?? '');
      if (json) printJson(report);
      else process.stdout.write(sheet(report));
    });
}

async function examine(version: string): Promise<Report> {
  const facts = {
    version,
    node: process.version,
    v8: process.versions.v8,
    platform: process.platform,
    arch: process.arch,
    cpu: cpus()[0]?.model.trim() || undefined,
    cores: cpus().length,
    ...memoryFacts(),
    backend: describeBackend(),
    hub: await describeHub(),
    options: [...process.execArgv, process.env.NODE_OPTIONS ?? ''].filter(Boolean),
    engineFlags: enableEngineFeatures(),
  };
  return { ...facts, advice: advise(facts) };
}

/** One sentence for each thing that could be better. */
export function advise(report: Omit<Report, 'advice'>): string[] {
  const { v8, arch, cores, limitBytes, totalBytes, addressSpaceBytes, backend, hub } = report;
  const { features, kernels, threads, memoryBytes, memoryBytesPossible } = backend;
  const major = Number.parseInt(v8, 10);
  const lines: string[] = [];
  const say = (when: boolean, line: string) => {
    if (when) lines.push(line);
  };
  say(!features.simd, 'This Node has no SIMD, and nothing runs without: take Node 20.19 or later.');
  say(features.simd && !features.relaxedSimd, 'Node 22 or later has relaxed SIMD: prompts are read faster.');
  say(
    kernels === 'relaxed16' && major < 13 && arch === 'x64',
    'Node 24 or later uses the int8 products of newer x86 processors (VNNI), where there are some.',
  );
  say(
    backend.cores < cores,
    `Only ${backend.cores} of ${cores} cores may be used by this process (taskset, container or service settings).`,
  );
  say(
    threads < backend.cores,
    `${threads} of ${backend.cores} cores are used by default; try more with --threads, until it is no faster.`,
  );
  say(
    limitBytes !== undefined,
    `This process may take ${gigabytes(limitBytes ?? 0)} of the machine's ${gigabytes(totalBytes)} (container, service or ulimit -d): ` +
      '--weights auto counts with that, and a model that does not fit is refused.',
  );
  say(
    memoryBytes < memoryBytesPossible,
    `The engine grants memories of ${gigabytes(memoryBytes)} only` +
      (addressSpaceBytes === undefined
        ? ': is there a limit on address space (ulimit -v)?'
        : `, for 'ulimit -v' allows ${gigabytes(addressSpaceBytes)} of addresses. ${ADDRESS_SPACE_ADVICE}.`),
  );
  say(
    (hub.freeBytes ?? Number.POSITIVE_INFINITY) < FEW_DISK_BYTES,
    `The disk of the cache has ${gigabytes(hub.freeBytes ?? 0)} left: HF_HUB_CACHE can name a folder on another, 'cache rm' makes room.`,
  );
  say(hub.offline, 'Nothing is downloaded: HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set.');
  return [...lines, ...hub.problems];
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

const FEATURES: Readonly<Record<keyof BackendDescription['features'], string>> = {
  simd: 'SIMD',
  relaxedSimd: 'relaxed SIMD',
  threads: 'threads',
  memory64: 'memories beyond 4 GiB',
  multiMemory: 'several memories in one module',
  promiseIntegration: 'promise integration',
};

const KERNELS: Readonly<Record<NonNullable<BackendDescription['kernels']>, string>> = {
  plain: 'SIMD without the relaxed kind',
  relaxed16: 'relaxed SIMD, int8 products by way of 16 bits',
  relaxed32: 'relaxed SIMD, int8 products in one instruction',
};

function sheet(r: Report): string {
  const { backend, hub } = r;
  const features = Object.entries(FEATURES) as [keyof typeof FEATURES, string][];
  const sections: [string, (string | number)[][]][] = [
    [
      'machine',
      [
        ['system', `${r.platform} ${r.arch}`],
        ['processor', `${r.cpu ?? 'unknown'}, ${count(backend.cores, 'core')}`],
        ['options of Node', r.options.join(' ') || 'none'],
        ['memory', `${megabytes(r.totalBytes)}, of which ${megabytes(r.availableBytes)} are free`],
        ...(r.limitBytes === undefined ? [] : [['limit of this process', megabytes(r.limitBytes)]]),
        ...(r.addressSpaceBytes === undefined ? [] : [['limit of addresses', megabytes(r.addressSpaceBytes)]]),
      ],
    ],
    [
      'engine',
      [
        ...features.map(([key, name]) => [name, backend.features[key] ? 'yes' : 'no']),
        ['flags set by this program', r.engineFlags.join(' ') || 'none'],
      ],
    ],
    [
      'chosen',
      [
        ['kernels', backend.kernels ? `${backend.kernels}: ${KERNELS[backend.kernels]}` : 'none'],
        ['threads', `${backend.threads}, ${reason(backend)}`],
        ['largest memory', megabytes(backend.memoryBytes)],
      ],
    ],
    [
      'hub',
      [
        ['address', hub.endpoint ?? 'not valid'],
        ['cache', hub.cacheDir],
        ['free disk', hub.freeBytes === undefined ? 'unknown' : megabytes(hub.freeBytes)],
        ['token', hub.hasToken ? 'set' : 'none'],
        ['offline', hub.offline ? 'yes' : 'no'],
      ],
    ],
    ['environment', Object.entries(hub.environment)],
    ['advice', r.advice.map((line) => [line])],
  ];
  const title = `portmanteau ${r.version}, Node ${r.node.slice(1)}, V8 ${r.v8}\n`;
  const told = sections.map(([name, rows]) => `\n${name}\n${rows.length > 0 ? columns(rows, '  ') : '  none\n'}`);
  return title + told.join('');
}

function reason({ threads, cores, canShare }: BackendDescription): string {
  if (!canShare) return 'as memory cannot be shared';
  return threads === cores ? 'as many as cores' : `the most that are started by default, of ${count(cores, 'core')}`;
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
