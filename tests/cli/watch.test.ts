/** --check and --profile of `run` and `score`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { damaged } from '../damaged.ts';
import { cli, golden } from './cli.ts';

const COMMANDS = [
  ['run', [golden('llama-dense'), '--ids', '3,1,4', '-n', '4']],
  ['score', [golden('llama-dense'), '--ids', '3,1,4,1,5']],
] as const;

describe.each(COMMANDS)('%s', (command, args) => {
  it('prints the same with both, and a table of ops to stderr', async () => {
    const wanted = await cli([command, ...args]);
    const { code, stdout, stderr } = await cli([command, ...args, '--check', '--profile']);
    expect([code, stdout]).toEqual([0, wanted.stdout]);
    const [head = '', ...rows] = stderr.trimEnd().split('\n');
    expect(head.split(/ {2,}/)).toEqual(['op', 'site', 'calls', 'ms', 'share', 'GB/s']);
    expect(rows.join('\n')).toMatch(/^linear +blocks\.\*\.mlpOut +\d+ +\d+\.\d\d +\d+\.\d % +\d+\.\d\d$/m);
    expect(rows.at(-1)).toMatch(/^all +\d+\.\d\d$/);
    const ms = rows.map((row) => Number(/(\d+\.\d\d)(?= +\d+\.\d %|$)/.exec(row)?.[1]));
    expect(ms.slice(0, -1).reduce((a, b) => a + b)).toBeCloseTo(ms.at(-1) as number, 0);
  });

  it('--check ends with an error that names op and site', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'portmanteau-'));
    for (const [file, bytes] of damaged('llama-dense', 'layers.1.mlp.down_proj.weight', Number.NaN))
      writeFileSync(join(folder, file), bytes);
    const { code, stderr } = await cli([command, folder, ...args.slice(1), '--check']);
    expect(stderr).toMatch(
      /^portmanteau: 'linear' on the way to site 'blocks\.1\.mlpOut' gave the first NaN or infinity/,
    );
    expect(code).toBe(1);
    rmSync(folder, { recursive: true });
  });
});

it('--profile shows one model', async () => {
  const { code, stderr } = await cli(['score', golden('llama-dense'), '--ids', '3,1', '--compare', 'q8', '--profile']);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/--profile are for one model/)]);
});
