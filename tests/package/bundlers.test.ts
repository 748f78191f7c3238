/** Apps of the bundlers that are installed with the tests, and of none, find the kernels and the threads. Others: bundlers.slow.test.ts. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { rolldown } from 'rolldown';
import { build, createServer } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findChromium } from '../browser/chromium.ts';
import { MODEL, models, resultIn, wantedText, writeApp } from './app.ts';
import { newProject, type Project } from './project.ts';
import { ISOLATION, type Site, serveApp } from './serve.ts';

let project: Project;
let wanted: string;
beforeAll(async () => {
  project = newProject();
  writeApp(project);
  wanted = await wantedText();
});
afterAll(() => project.remove());

const bundle = async (input: string, platform: 'browser' | 'node', format: 'esm' | 'cjs', file: string) => {
  const bundler = await rolldown({ cwd: project.folder, input, platform });
  await bundler.write({ file: join(project.folder, file), format, codeSplitting: false });
  await bundler.close();
};

const executablePath = findChromium();

describe.skipIf(!executablePath)('a page', () => {
  let browser: Browser;
  const sites: Site[] = [];
  const serve = async (...args: Parameters<typeof serveApp>) => {
    const site = await serveApp(...args);
    sites.push(site);
    return site.origin;
  };
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await Promise.all(sites.map((site) => site.close()));
    await browser?.close();
  });

  test('that Vite serves for development computes on threads', async () => {
    cpSync(models, join(project.folder, 'public/models'), { recursive: true });
    const server = await createServer({
      root: project.folder,
      logLevel: 'error',
      configFile: false,
      server: { port: 0, host: '127.0.0.1', headers: ISOLATION },
    });
    await server.listen();
    const [origin = ''] = server.resolvedUrls?.local ?? [];
    expect(await resultIn(browser, origin)).toEqual({ text: wanted, threads: 2, inWorker: wanted });
    await server.close();
  });

  test('that Vite has built computes on threads', async () => {
    await build({
      root: project.folder,
      logLevel: 'error',
      configFile: false,
      build: { outDir: 'vite', copyPublicDir: false },
    });
    const origin = await serve(join(project.folder, 'vite'), { '/models/': models });
    expect(await resultIn(browser, origin)).toEqual({ text: wanted, threads: 2, inWorker: wanted });
  });

  test('whose policy allows no blobs computes on threads with the script that Vite serves', async () => {
    const source = readFileSync(join(project.folder, 'main.js'), 'utf8');
    const withUrl = source
      .replace(/const workerUrl = .*;/, '')
      .replace(/^/, "import workerUrl from 'portmanteau/thread?url&no-inline';\n");
    project.write('strict/main.js', withUrl);
    cpSync(join(project.folder, 'index.html'), join(project.folder, 'strict/index.html'));
    const folder = join(project.folder, 'strict');
    await build({ root: folder, logLevel: 'error', configFile: false });
    const policy = "script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'";
    const headers = { ...ISOLATION, 'Content-Security-Policy': policy };
    const origin = await serve(join(folder, 'dist'), { '/models/': models }, headers);
    expect(await resultIn(browser, origin)).toEqual({ text: wanted, threads: 2, inWorker: wanted });
  });

  describe('of one file', () => {
    let origin: string;
    beforeAll(async () => {
      await bundle('main.js', 'browser', 'esm', 'out/main.js');
      origin = await serve(join(project.folder, 'out'), { '/models/': models });
    });

    test('computes on threads', async () => {
      expect(await resultIn(browser, origin)).toEqual({ text: wanted, threads: 2, inWorker: wanted });
    });

    test('says that a server answers with a page where files of a model are wanted', async () => {
      const { error } = await resultIn(browser, `${origin}/?model=/nosuch/model`);
      expect(error).toMatch(/\/nosuch\/model has no config\.json: .*HTML page/);
      expect(error).not.toMatch(/no JSON|fetch it again/i);
    });
  });

  test('without a bundler, with the import map of the guide, computes on threads', async () => {
    const guide = readFileSync(join(project.installed, 'docs/browser.md'), 'utf8');
    const importMap = /^```html\n(<script type="importmap">.*?)```/ms.exec(guide)?.[1];
    project.write(
      'plain/index.html',
      `<!doctype html><link rel="icon" href="data:," />${importMap}<script type="module" src="/main.js"></script>`,
    );
    cpSync(join(project.folder, 'main.js'), join(project.folder, 'plain/main.js'));
    const origin = await serve(join(project.folder, 'plain'), {
      '/models/': models,
      '/node_modules/': join(project.folder, 'node_modules'),
    });
    expect(await resultIn(browser, origin)).toEqual({ text: wanted, threads: 2, inWorker: wanted });
  });
});

describe.each(['esm', 'cjs'] as const)('a program for Node in one file (%s)', (format) => {
  const file = `program.${format === 'esm' ? 'mjs' : 'cjs'}`;
  beforeAll(() => bundle('node-main.js', 'node', format, file));

  test('finds kernels, threads, and the shipped models of the package beside it', () => {
    const text = execFileSync(process.execPath, [join(project.folder, file)], { encoding: 'utf8' });
    expect(text).toBe(wanted);
  });

  test('says why it has no shipped models where the package is not installed', () => {
    const alone = mkdtempSync(join(tmpdir(), 'portmanteau-alone-'));
    try {
      cpSync(join(project.folder, file), join(alone, file));
      const run = (...args: string[]) =>
        execFileSync(process.execPath, [file, ...args], {
          cwd: alone,
          encoding: 'utf8',
          stdio: 'pipe',
          env: { ...process.env, HF_HUB_OFFLINE: '1' },
        });
      expect(() => run()).toThrow(/none of the shipped models.*--external:portmanteau/);
      expect(run(join(models, MODEL))).toBe(wanted);
    } finally {
      rmSync(alone, { recursive: true });
    }
  });
});
