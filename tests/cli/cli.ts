/** Runs the built command line as users do: in a process of its own. `npm test` builds it before, bundle.ts makes one file of it. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundledCommand } from '../bundle.ts';

export const main = existsSync(bundledCommand)
  ? bundledCommand
  : fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export const golden = (name: string): string => fileURLToPath(new URL(`../golden/${name}`, import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcessWithoutNullStreams;
  /** Settles when the process has ended and its output is read. */
  readonly ended: Promise<Ended>;
}

export type Environment = Readonly<Record<string, string>>;

/** Those of this machine's user are for other hosts than the tests'. */
const NO_PROXIES = { http_proxy: '', https_proxy: '', all_proxy: '' };

/** Nothing is asked of the hub unless `env` says where one is. */
export function start(args: readonly string[], env: Environment = {}, stdoutTo: 'pipe' | number = 'pipe'): Started {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, ...NO_PROXIES, HF_HUB_OFFLINE: '1', PORTMANTEAU_DEBUG: '', ...env },
    stdio: ['pipe', stdoutTo, 'pipe'],
  }) as ChildProcessWithoutNullStreams;
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on('data', (piece: Buffer) => stdout.push(piece));
  child.stderr.on('data', (piece: Buffer) => stderr.push(piece));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) =>
      resolve({ code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }),
    );
  });
  return { child, ended };
}

/** To the end, with `input` on standard input. */
export async function cli(
  args: readonly string[],
  { input = '', env = {} }: { readonly input?: string | Uint8Array; readonly env?: Environment } = {},
): Promise<Ended> {
  const { child, ended } = start(args, env);
  child.stdin.on('error', () => {}); // a process that wants no input may be gone before it comes
  child.stdin.end(input);
  return ended;
}

/** Of a command that must succeed and print one JSON object. */
export async function json<T>(args: readonly string[], options?: Parameters<typeof cli>[1]): Promise<T> {
  const { code, stdout, stderr } = await cli([...args, '--json'], options);
  if (code !== 0 || !/^\{.*\}\n$/.test(stdout)) throw new Error(`${args.join(' ')}: ${code}, ${stdout}, ${stderr}`);
  return JSON.parse(stdout) as T;
}
