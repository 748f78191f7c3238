/** An installed Firefox, driven by WebDriver BiDi (https://w3c.github.io/webdriver-bidi/): as much of it as the tests use. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { WebSocket } from 'undici';

const NAMES = ['firefox', 'firefox-esr'];

/** Nothing that Firefox does for its users on a first start. */
const PREFERENCES = {
  'app.update.auto': false,
  'browser.shell.checkDefaultBrowser': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'remote.prefs.recommended': true,
};

export const howToInstallFirefox =
  'no Firefox was found: install one (`apt-get install firefox-esr`), or say where it is with FIREFOX_PATH';

/** Where it is; undefined when there is none. Throws when FIREFOX_PATH names a file that is not there. */
export function findFirefox(): string | undefined {
  const { FIREFOX_PATH: given, PATH = '' } = process.env;
  if (given && !existsSync(given)) throw new Error(`FIREFOX_PATH is ${given}, where there is no file`);
  const inPath = PATH.split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return [given, ...inPath].find((path) => path && existsSync(path));
}

export interface FirefoxPage {
  goto(url: string): Promise<void>;
  /** The JSON of what a function gives in the page. It sees nothing of the test but its argument. */
  evaluate<A, R>(call: (argument: A) => R | Promise<R>, argument: A): Promise<R>;
  /** Until a function gives true in the page. */
  waitFor<A>(call: (argument: A) => boolean, argument: A): Promise<void>;
}

export interface Firefox {
  newPage(): Promise<FirefoxPage>;
  close(): Promise<void>;
}

export async function launchFirefox(path: string): Promise<Firefox> {
  const profile = mkdtempSync(join(tmpdir(), 'firefox-'));
  const lines = Object.entries(PREFERENCES).map(([name, value]) => `user_pref("${name}", ${value});\n`);
  writeFileSync(join(profile, 'user.js'), lines.join(''));
  const child = spawn(path, ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'exit');
  const address = await new Promise<string>((resolve, reject) => {
    createInterface(child.stderr).on('line', (line) => {
      const [, found] = /^WebDriver BiDi listening on (ws:\S+)/.exec(line) ?? [];
      if (found) resolve(found);
    });
    void ended.then(([code]) => reject(new Error(`${path} has ended with ${code}`)));
  });
  const send = await connect(`${address}/session`);
  await send('session.new', { capabilities: {} });
  return {
    async newPage() {
      const { context } = (await send('browsingContext.create', { type: 'tab' })) as { readonly context: string };
      return pageOf(send, context);
    },
    async close() {
      child.kill();
      await ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

type Send = (method: string, params: object) => Promise<unknown>;

interface Answer {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: string;
  readonly message?: string;
}

async function connect(address: string): Promise<Send> {
  const socket = new WebSocket(address);
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = () => reject(new Error(`no connection to ${address}`));
  });
  const waiting = new Map<number, (answer: Answer) => void>();
  socket.onmessage = ({ data }) => {
    const answer = JSON.parse(String(data)) as Answer;
    waiting.get(answer.id ?? -1)?.(answer);
    waiting.delete(answer.id ?? -1);
  };
  let last = 0;
  return (method, params) =>
    new Promise((resolve, reject) => {
      const id = ++last;
      waiting.set(id, ({ result, error, message }) =>
        error === undefined ? resolve(result) : reject(new Error(`${method}: ${error}: ${message}`)),
      );
      socket.send(JSON.stringify({ id, method, params }));
    });
}

interface Evaluated {
  readonly type: 'success' | 'exception';
  readonly result?: { readonly value?: string };
  readonly exceptionDetails?: { readonly text: string };
}

function pageOf(send: Send, context: string): FirefoxPage {
  const page: FirefoxPage = {
    goto: async (url) => void (await send('browsingContext.navigate', { context, url, wait: 'complete' })),
    async evaluate(call, argument) {
      const { type, result, exceptionDetails } = (await send('script.evaluate', {
        expression: `(async () => JSON.stringify(await (${call})(${JSON.stringify(argument)})))()`,
        target: { context },
        awaitPromise: true,
      })) as Evaluated;
      if (type === 'exception') throw new Error(exceptionDetails?.text);
      return result?.value === undefined ? undefined : JSON.parse(result.value);
    },
    async waitFor(call, argument) {
      while (!(await page.evaluate(call, argument))) await new Promise((resolve) => setTimeout(resolve, 50));
    },
  };
  return page;
}
