/** Measures this library or wllama (`side`) in a page of headless Chromium, which page.mjs does; otherwise as llama-cpp.mjs. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const task = JSON.parse(process.argv[2]);
const executablePath = [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  chromium.executablePath(),
].find((path) => path && existsSync(path));

const script = fileURLToPath(new URL('../../examples/browser/serve.mjs', import.meta.url));
const server = spawn(process.execPath, [script, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
try {
  const [line] = await once(createInterface(server.stdout), 'line');
  const page = await browser.newPage();
  page.on('pageerror', (error) => process.stderr.write(`${error}\n`));
  if (process.env.DEBUG) page.on('console', (message) => process.stderr.write(`${message.text()}\n`));
  await page.goto(new URL('/bench/peers/page.html', line).href);
  await page.waitForFunction(() => globalThis.measurePeer);
  const files = task.side === 'ours' ? readdirSync(task.folder).map((name) => join(task.folder, name)) : [task.file];
  await page.setInputFiles('input', files);
  page.setDefaultTimeout(0);
  const result = await page.evaluate((task) => globalThis.measurePeer(task), task);
  const versionOf = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')).version;
  const name =
    task.side === 'ours'
      ? `portmanteau ${versionOf('../../package.json')}`
      : `wllama ${versionOf('node_modules/@wllama/wllama/package.json')} with ${result.version}`;
  const version = `${name} in Chromium ${browser.version()}`;
  process.stdout.write(`${JSON.stringify({ ...result, version, threads: task.threads })}\n`);
} finally {
  await browser.close();
  server.kill();
}
