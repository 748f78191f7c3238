/** Measures this library, wllama or ONNX Runtime (`side`) in a page of headless Chromium, which page.mjs does; otherwise as llama-cpp.mjs. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { chain } from './matmul-chain.mjs';

const task = JSON.parse(process.argv[2]);
const executablePath = [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  chromium.executablePath(),
].find((path) => path && existsSync(path));

const versionOf = (path) => JSON.parse(readFileSync(new URL(`${path}/package.json`, import.meta.url), 'utf8')).version;
const us = `portmanteau ${versionOf('../..')}`;
const nameOf = {
  ours: us,
  layer: us,
  get wllama() {
    return `wllama ${versionOf('node_modules/@wllama/wllama')}`;
  },
  get 'onnxruntime-web'() {
    return `onnxruntime-web ${versionOf('node_modules/onnxruntime-web')}`;
  },
};

const temp = mkdtempSync(join(tmpdir(), 'portmanteau-page-'));
function writeChain() {
  const file = join(temp, 'chain.onnx');
  writeFileSync(file, chain(task.width, task.count, task.theirBits));
  return [file];
}
const filesOf = {
  ours: () => readdirSync(task.folder).map((name) => join(task.folder, name)),
  layer: () => [],
  wllama: () => [task.file],
  'onnxruntime-web': writeChain,
};

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
  await page.setInputFiles('input', filesOf[task.side]());
  page.setDefaultTimeout(0);
  const result = await page.evaluate((task) => globalThis.measurePeer(task), task);
  const name = `${nameOf[task.side]}${result.version ? ` with ${result.version}` : ''}`;
  const version = `${name} in Chromium ${browser.version()}`;
  process.stdout.write(`${JSON.stringify({ ...result, version, threads: task.threads })}\n`);
} finally {
  await browser.close();
  server.kill();
  rmSync(temp, { recursive: true, force: true });
}
