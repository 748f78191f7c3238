/** `info MODEL`: what a checkpoint is, without reading its weights. */
import type { Command } from 'commander';
import { describe, type ModelDescription, openPretrained } from '../../src/node.ts';
import { type ModelFlags, modelOptions, pretrainedOptions, printJson } from '../options.ts';

export function addInfo(program: Command): void {
  modelOptions(program.command('info'))
    .description('family, configuration, parameters, files, memory and sites of a model')
    .argument('<model>', 'folder, shipped model, or hub id')
    .option('--json', 'one JSON object')
    .action(info);
}

async function info(reference: string, flags: ModelFlags & { json?: boolean }): Promise<void> {
  const opened = await openPretrained(reference, pretrainedOptions(flags));
  const description = describe(opened);
  await opened.checkpoint.close();
  if (flags.json) printJson(description);
  else process.stdout.write(sheet(description));
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e8 ? 2 : 0)} MB`;

function sheet(d: ModelDescription): string {
  const table = (rows: readonly (readonly (string | number)[])[]) =>
    rows.map((row) => `  ${row.join('\t')}\n`).join('');
  const sites = [...new Map(d.sites.map((site) => [site.name.replace(/\.\d+\./, '.*.'), site])).entries()];
  return [
    `${d.family}, ${d.parameters.toLocaleString('en')} parameters\n`,
    `configuration\n${table(Object.entries(d.facts).map(([key, value]) => [key, String(value)]))}`,
    `parts\n${table(d.parts.map((p) => [p.parameters.toLocaleString('en'), `${p.count} x [${p.shape.join(', ')}]`, p.dtype, p.name]))}`,
    `files\n${table(d.files.map(({ name, bytes }) => [megabytes(bytes), name]))}`,
    `memory of the weights by --weights\n${table(Object.entries(d.weightBytes).map(([format, bytes]) => [format, megabytes(bytes)]))}`,
    `state\n${table([[`${d.stateBytesPerToken} bytes a token`], [`${d.stateBytesFixed} bytes fixed`]])}`,
    `peak memory expected\n${table(Object.entries(d.peakBytes).map(([format, bytes]) => [format, megabytes(bytes)]))}`,
    `sites\n${table(sites.map(([name, { axes, about }]) => [name, axes, about]))}`,
  ].join('');
}
