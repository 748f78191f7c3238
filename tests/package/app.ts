/** An app that generates some text with a shipped model, in the browser and in Node, and what it must give. */
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { fromPretrained } from '../../src/node.ts';
import { type Project, root } from './project.ts';

export const MODEL = 'bitnet-tiny';
const PROMPT = 'Once upon a time';
const OPTIONS = { maxNewTokens: 12, ignoreEnd: true };

export const models = join(root, 'models');

/** What an app of the browser leaves in the page. */
export interface Result {
  readonly text?: string;
  readonly threads?: number;
  /** What the model gives in a worker of its own. */
  readonly inWorker?: string;
  readonly error?: string;
}

declare global {
  var result: Result | undefined;
}

/** The text that every app must give. */
export async function wantedText(): Promise<string> {
  const model = await fromPretrained(join(models, MODEL), { threads: 1, relaxedSimd: false });
  const { text } = await model.complete(PROMPT, OPTIONS);
  await model.dispose();
  return text;
}

/** On isolated pages with two threads, so that the script of the threads is needed. `?threads=1` and `?worker=URL` change that. */
const BROWSER_MAIN = `
import { fromPretrained } from 'portmanteau';
import { loadInWorker } from 'portmanteau/worker';

async function main() {
  const query = new URLSearchParams(location.search);
  const threads = Number(query.get('threads') ?? (crossOriginIsolated ? 2 : 1));
  const workerUrl = query.get('worker') ?? undefined;
  const model = await fromPretrained(query.get('model') ?? '/models/${MODEL}', { threads, workerUrl, relaxedSimd: false });
  const { text } = await model.complete(${JSON.stringify(PROMPT)}, ${JSON.stringify(OPTIONS)});
  await model.dispose();
  const other = await loadInWorker('/models/${MODEL}', { threads, relaxedSimd: false });
  const { text: inWorker } = await other.complete(${JSON.stringify(PROMPT)}, ${JSON.stringify(OPTIONS)});
  await other.dispose();
  return { text, threads, inWorker };
}
main().then(
  (result) => { globalThis.result = result; },
  (error) => { globalThis.result = { error: error.name + ': ' + error.message }; },
);
`;

const NODE_MAIN = `
import { fromPretrained } from 'portmanteau';

async function main() {
  const model = await fromPretrained(process.argv[2] ?? ${JSON.stringify(MODEL)}, { threads: 2, relaxedSimd: false });
  const { text } = await model.complete(${JSON.stringify(PROMPT)}, ${JSON.stringify(OPTIONS)});
  await model.dispose();
  process.stdout.write(text);
}
main().catch((error) => {
  process.stderr.write(error.name + ': ' + error.message);
  process.exitCode = 1;
});
`;

const page = (script: string) =>
  `<!doctype html><title>App</title><link rel="icon" href="data:," /><script type="module" src="${script}"></script>\n`;

/** Sources of both apps. The page loads \`script\`. */
export function writeApp(project: Project, script = '/main.js'): void {
  project.write('main.js', BROWSER_MAIN);
  project.write('node-main.js', NODE_MAIN);
  project.write('index.html', page(script));
  project.write('out/index.html', page('./main.js'));
}

/** What the app gives in a page of this browser. */
export async function resultIn(browser: Browser, url: string): Promise<Result> {
  const opened = await browser.newPage();
  const broken = new Promise<never>((_, reject) => opened.on('pageerror', reject)); // such as a module that is not found
  broken.catch(() => {});
  try {
    await opened.goto(url);
    await Promise.race([opened.waitForFunction(() => globalThis.result, undefined, { timeout: 45_000 }), broken]);
    return await opened.evaluate(() => globalThis.result as Result);
  } catch (error) {
    throw new Error(`${url}: ${error}`, { cause: error });
  } finally {
    await opened.close();
  }
}
