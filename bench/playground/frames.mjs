/**
 * How long the frames of the playground take while it loads a model and while it writes: README.md says how to run it. Every measurement is a page of its
 * own, in a window that nobody sees.
 */
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import { checksOf, fail, parsed } from '../peers/options.mjs';
import { quiet } from '../peers/quiet.mjs';

const { servePlayground } = await import('../../dist/src/node.js').catch(() =>
  fail('the library is not built: run npm run -s build in its folder first.'),
);

const MODELS = ['granite-tiny', 'mamba-tiny', 'backpack-tiny', 'bitnet-tiny'];
/** With the headers that isolate pages all cores compute; without them one does. */
const KINDS = ['isolated', 'plain'];

const values = parsed({
  models: { type: 'string', default: MODELS.join(',') },
  kinds: { type: 'string', default: KINDS.join(',') },
  new: { type: 'string', default: '200' },
  rounds: { type: 'string', default: '3' },
  patience: { type: 'string', default: '60' },
  chromium: { type: 'string', default: process.env.CHROMIUM_PATH },
  json: { type: 'boolean', default: false },
});
const { names, number } = checksOf(values);
const models = names('models', MODELS);
const kinds = names('kinds', KINDS);
const [newTokens, rounds] = [number('new'), number('rounds')];

function executablePath() {
  const inPath = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'chromium'));
  return [values.chromium, ...inPath, chromium.executablePath()].find((path) => path && existsSync(path));
}

/** Runs in the page from its first script on: milliseconds between frames. */
function watch() {
  const seen = { gaps: [] };
  let last;
  const frame = (now) => {
    if (last !== undefined) seen.gaps.push(now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  globalThis.takeSeen = () => {
    const { gaps } = seen;
    seen.gaps = [];
    last = undefined;
    return { gaps };
  };
}

/**
 * Milliseconds of processor time of each task of the page's main thread, from a trace. What else the machine does makes frames late, but no task
 * larger.
 */
function tasksIn(trace) {
  const events = JSON.parse(trace.toString()).traceEvents;
  const threadOf = ({ pid, tid }) => `${pid} ${tid}`;
  const isName = ({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain';
  const main = new Set(events.filter(isName).map(threadOf));
  return events
    .filter((event) => event.ph === 'X' && event.name === 'ThreadControllerImpl::RunTask' && main.has(threadOf(event)))
    .map(({ tdur = 0 }) => tdur / 1000);
}

async function measure(browser, url, kind, model) {
  const context = await browser.newContext({ serviceWorkers: 'block' });
  const page = await context.newPage();
  await page.addInitScript(watch);
  if (kind === 'plain')
    await page.route(url, async (route) => {
      const response = await route.fetch();
      const { 'cross-origin-opener-policy': _, 'cross-origin-embedder-policy': __, ...headers } = response.headers();
      await route.fulfill({ response, headers });
    });
  await page.goto(`${url}#/write?model=${model}&length=${newTokens}`);
  const tokens = page.locator('.flow .token');
  await tokens.first().waitFor();
  if ((await page.evaluate(() => crossOriginIsolated)) !== (kind === 'isolated')) fail(`the page is not ${kind}.`);
  const loading = await page.evaluate(() => takeSeen());
  const before = await tokens.count();
  await browser.startTracing(page, { categories: ['toplevel'] });
  const begin = performance.now();
  await page.keyboard.press('Control+Enter');
  // The model may end the text before.
  await page.waitForFunction(
    (all) => document.querySelectorAll('.flow .token').length >= all || document.querySelector('.flow .end') !== null,
    before + newTokens,
  );
  const seconds = (performance.now() - begin) / 1000;
  const writing = { ...(await page.evaluate(() => takeSeen())), processor: tasksIn(await browser.stopTracing()) };
  const written = (await tokens.count()) - before;
  await context.close();
  return { kind, model, loading, writing, tokensPerSecond: written / seconds, written };
}

const path = executablePath();
if (!path) fail('there is no Chromium: install one, or give its path (--chromium).');
const busy = await quiet(number('patience', { least: 0 }));
const browser = await chromium.launch({ executablePath: path, args: ['--no-sandbox'] });
const site = await servePlayground({ port: 0 });
const results = [];
try {
  for (let round = 0; round < rounds; round++)
    for (const model of models)
      for (const kind of kinds) results.push({ round, ...(await measure(browser, site.url, kind, model)) });
} finally {
  await Promise.all([browser.close(), site.close()]);
}

const setup = { processor: cpus()[0]?.model.trim(), cores: cpus().length, chromium: browser.version(), busy };
if (values.json) console.log(JSON.stringify({ ...setup, results }, null, 1));
else console.log(table());

function table() {
  const percentile = (numbers, share) => [...numbers].sort((a, b) => a - b)[Math.ceil(share * numbers.length) - 1] ?? 0;
  const rows = models.flatMap((model) =>
    kinds.map((kind) => {
      const own = results.filter((one) => one.model === model && one.kind === kind);
      const all = (part, of) => own.flatMap((one) => one[part][of]);
      const gaps = all('writing', 'gaps');
      const cells = [
        ...[
          model,
          kind,
          percentile(
            own.map((one) => one.tokensPerSecond),
            0.5,
          ).toFixed(0),
        ],
        ...[percentile(gaps, 0.5), percentile(gaps, 0.99), Math.max(...gaps)].map((ms) => ms.toFixed(1)),
        ...[gaps.filter((ms) => ms >= 50).length, gaps.length],
        Math.max(...all('writing', 'processor')).toFixed(1),
        Math.max(...all('loading', 'gaps')).toFixed(1),
      ];
      return `| ${cells.join(' | ')} |`;
    }),
  );
  return [
    `${setup.processor}, ${setup.cores} cores, Chromium ${setup.chromium}; ${(100 * busy).toFixed(0)} % of the processors were busy before`,
    '',
    '| model | page | tokens/s | frames: median, ms | 99 % | longest | of 50 ms and more | of | longest task, ms of processor time | longest frame while loading, ms |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}
