/** `info MODEL`: describes a checkpoint, without reading its weights. */
import type { Command } from 'commander';
import {
  DEFAULT_THREADS,
  describe,
  type MemoryFacts,
  type ModelDescription,
  memoryFacts,
  openPretrained,
  transformerLensName,
  usableBytes,
} from '../../src/node.ts';
import { withProgress } from '../load.ts';
import { generationConfigOptions, type ModelFlags, modelOptions } from '../model-options.ts';
import { jsonOption } from '../options.ts';
import { columns, megabytes, printJson } from '../output.ts';

export function addInfo(program: Command): void {
  const command = generationConfigOptions(modelOptions(program.command('info'))).description(
    'describe a model: family, configuration, parameters, files, memory, defaults of generation, sites; of weights on the hub only the headers are read',
  );
  command.option(
    '--sites',
    'only the sites: names (* for the number of a block), axes, meanings, and what TransformerLens calls them',
  );
  jsonOption(command, 'the same, in bytes and with all sites, and `memory` of the machine and of this process')
    .addHelpText(
      'after',
      `
Examples:
  portmanteau info granite-tiny
  portmanteau info mamba-tiny --sites
  portmanteau info ./my-model --json | jq .peakBytes`,
    )
    .action(info);
}

async function info(reference: string, flags: ModelFlags & { json?: boolean; sites?: boolean }): Promise<void> {
  const { generationConfig = {} } = flags;
  const description = await withProgress('pulling', { ...flags, generationConfig }, async (options) => {
    const opened = await openPretrained(reference, { ...options, downloadWeights: false });
    try {
      return describe(opened, flags.threads ?? DEFAULT_THREADS, flags.keyValues);
    } finally {
      await opened.checkpoint.close();
    }
  });
  if (flags.sites) return tellSites(description, flags.json ?? false);
  const memory = memoryFacts();
  if (flags.json) printJson({ ...description, memory });
  else process.stdout.write(sheet(description, memory, flags.memoryBytes));
}

/** Legend of the axes, as in src/base/tensor.ts. */
const AXES =
  'T tokens, S tokens that are read, M width of the model, H heads, K heads of keys and values, D width of a head, F width of the feed-forward part,\n' +
  'V vocabulary, X experts, A active experts, E width of a mixer, N size of its state, Z senses';

function tellSites({ sites }: ModelDescription, json: boolean): void {
  const rotary = !sites.some(({ name }) => name === 'posEmbed');
  const list = sites.map((site) => ({ ...site, transformerLens: transformerLensName(site.name, { rotary }) ?? null }));
  if (json) {
    printJson({ sites: list });
    return;
  }
  const globbed = new Map(list.map((site) => [site.name.replace(/\.\d+\./, '.*.'), site]));
  const rows = [...globbed].map(([name, { axes, about }]) => [
    name,
    axes,
    transformerLensName(name, { rotary }) ?? '-',
    about,
  ]);
  process.stdout.write(`${columns([['site', 'axes', 'TransformerLens', 'meaning'], ...rows])}\n${AXES}\n`);
}

function sheet(d: ModelDescription, memory: MemoryFacts, memoryBytes = usableBytes(memory)): string {
  const sites = new Map(d.sites.map(({ name, axes, about }) => [name.replace(/\.\d+\./, '.*.'), { axes, about }]));
  const inBytes = (formats: Readonly<Record<string, number>>) =>
    Object.entries(formats).map(([format, bytes]) => [format, megabytes(bytes)]);
  const sections: [string, (string | number)[][]][] = [
    ['configuration', Object.entries(d.facts).map(([key, value]) => [key, shown(value)])],
    [
      'parts',
      d.parts.map((p) => [p.name, p.dtype, `${p.count} x [${p.shape.join(', ')}]`, p.parameters.toLocaleString('en')]),
    ],
    ['files', d.files.map(({ name, bytes }) => [name, megabytes(bytes)])],
    ['memory of the weights, by --weights', inBytes(d.weightBytes)],
    [
      `peak memory expected, by --weights; this process may take ${megabytes(memoryBytes)}`,
      Object.entries(d.peakBytes).map(([format, bytes]) => [
        format,
        megabytes(bytes),
        ...(bytes > memoryBytes ? ['does not fit'] : []),
      ]),
    ],
    [
      'memory of a state, by --key-values',
      [
        ['per token', `${d.stateBytesPerToken} bytes`],
        ['per sequence', `${d.stateBytesFixed} bytes`],
      ],
    ],
    ['generation', generationRows(d.generation)],
    ['sites', [...sites].map(([name, { axes, about }]) => [name, axes, about])],
  ];
  const title = `${d.family}, ${d.parameters.toLocaleString('en')} parameters\n`;
  return title + sections.map(([name, rows]) => `\n${name}\n${columns(rows, '  ')}`).join('');
}

function generationRows({ source, samples, options, unsupported, endIds }: ModelDescription['generation']) {
  const drawn = 'drawn at random: without --seed, each run gives another text';
  return [
    ['next token', samples ? drawn : 'the most likely, unless sampling is turned on (see run --help)'],
    ...Object.entries(options).map(([name, value]) => [name, shown(value)]),
    ['ends with', endIds.length > 0 ? endIds.join(', ') : 'no id'],
    ...(source === undefined ? [] : [['as said in', source]]),
    ...(unsupported.length > 0 ? [['not done', unsupported.join(', ')]] : []),
  ];
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '-');
}
