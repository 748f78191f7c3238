/** `playground [MODEL...]`: a page on which models run in the browser of whoever looks at it. */
import { spawn } from 'node:child_process';
import { type Command, Option } from 'commander';
import { servePlayground, writePlayground } from '../../src/node.ts';
import { helpText } from '../help-text.ts';
import { interrupt } from '../interrupt.ts';
import { optionsWithProgress } from '../load.ts';
import { hubOptions, type ModelFlags } from '../model-options.ts';
import { MODEL_ABOUT, modelReference, portNumber } from '../options.ts';
import { megabytes } from '../output.ts';
import { progressBar } from '../progress.ts';

interface PlaygroundFlags extends ModelFlags {
  readonly host?: string;
  readonly port?: number;
  readonly open?: boolean;
  readonly out?: string;
}

export function addPlayground(program: Command): void {
  const command = program
    .command('playground')
    .argument(
      '[models...]',
      `models that the page offers beside the shipped ones: each a ${MODEL_ABOUT}`,
      (text: string, before?: string[]) => [...(Array.isArray(before) ? before : []), modelReference(text)],
    )
    .description('open a page that runs models in the browser, to look into them and to change them');
  hubOptions(command)
    .option(
      '--host <address>',
      'address to listen on; 0.0.0.0: all of this machine (default: 127.0.0.1, for this machine only)',
    )
    .option('--port <n>', 'port to listen on; 0: one that is free (default: 8080)', portNumber)
    .option('--open', 'open the page in the browser')
    .addOption(
      new Option(
        '--out <folder>',
        'write the page and its models into a new folder of static files, for any web host; nothing listens then',
      ).conflicts(['host', 'port', 'open']),
    )
    .addHelpText(
      'after',
      helpText(`
Examples:
  portmanteau playground --open
  portmanteau playground ./my-model ibm-granite/granite-3.1-1b-a400m-base
  portmanteau playground ./my-model --out ./site

The models run in the browser; this program only hands out their files, until Ctrl-C. docs/playground.md has more.`),
    )
    .action(run);
}

async function run(models: readonly string[], { host, port, open, out, ...flags }: PlaygroundFlags): Promise<void> {
  const bar = progressBar('downloading');
  const { hub, revision, signal, onWarning } = optionsWithProgress(flags, bar);
  if (out !== undefined) {
    const written = await writePlayground(out, { models, hub, revision, signal, onWarning }).finally(() => bar.end());
    process.stdout.write(
      `${out}: the page and ${written.models.length} models, ${written.files} files, ${megabytes(written.bytes)}\n`,
    );
    return;
  }
  const page = await servePlayground({ models, host, port, hub, revision, signal, onWarning }).finally(() => bar.end());
  process.stdout.write(`portmanteau playground: ${page.url}\n`);
  if (open) openInBrowser(page.url);
  await new Promise<void>((resolve) => {
    if (interrupt.signal.aborted) resolve();
    else interrupt.signal.addEventListener('abort', () => resolve());
  });
  await page.close();
  process.exitCode = 0; // that a signal ended it is as it should be
}

/** Where there is no browser, the address was printed. */
function openInBrowser(url: string): void {
  const [command, ...args] =
    process.platform === 'darwin'
      ? ['open', url]
      : process.platform === 'win32'
        ? ['cmd', '/c', 'start', '', url]
        : ['xdg-open', url];
  const child = spawn(command as string, args, { stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
}
