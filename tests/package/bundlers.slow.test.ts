/** As bundlers.test.ts, for bundlers that have to be installed: apps in the browser and programs for Node, made by each. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findChromium } from '../browser/chromium.ts';
import { models, type Result, resultIn, wantedText, writeApp } from './app.ts';
import { install } from './install.ts';
import { newProject, type Project } from './project.ts';
import { ISOLATION, serveApp } from './serve.ts';

const tools = mkdtempSync(join(tmpdir(), 'portmanteau-bundlers-'));
const packages = [
  'vite@7',
  'esbuild@0',
  'webpack@5',
  'rollup@4',
  '@rollup/plugin-node-resolve@16',
  '@rollup/plugin-commonjs',
];
const isInstalled = install(tools, packages);
const executablePath = findChromium();

let project: Project;
let wanted: string;
beforeAll(async () => {
  project = newProject();
  writeApp(project);
  cpSync(models, join(project.folder, 'public/models'), { recursive: true });
  wanted = await wantedText();
});
afterAll(() => {
  project.remove();
  rmSync(tools, { recursive: true, force: true });
});

/** Runs a script that uses the bundlers, in the project. Fails on anything that they print as a warning or error. */
function build(code: string): void {
  const file = join(tools, 'build.mjs');
  writeFileSync(file, code.replaceAll('PROJECT', JSON.stringify(project.folder)));
  execFileSync(process.execPath, [file], { cwd: project.folder, stdio: 'pipe' });
}

const esbuild = (options: object) =>
  build(`
    import { build } from 'esbuild';
    const { warnings } = await build({ absWorkingDir: PROJECT, bundle: true, logLevel: 'error', ...${JSON.stringify(options)} });
    if (warnings.length > 0) throw new Error(JSON.stringify(warnings));
  `);

const rollup = (input: string, file: string, format: string, forNode = false) =>
  build(`
    import { rollup } from 'rollup';
    import { nodeResolve } from '@rollup/plugin-node-resolve';
    const bundle = await rollup({
      input: ${JSON.stringify(input)}, external: /^node:|^undici$/,
      plugins: [nodeResolve(${forNode ? "{ exportConditions: ['node'] }" : '{ browser: true }'})],
    });
    await bundle.write({ file: ${JSON.stringify(file)}, format: ${JSON.stringify(format)}, inlineDynamicImports: true });
  `);

const webpack = (entry: string, path: string, target: string) =>
  build(`
    import webpack from 'webpack';
    await new Promise((resolve, reject) => webpack({
      context: PROJECT, mode: 'production', entry: './${entry}', target: '${target}',
      output: { path: PROJECT + '/${path}', filename: 'main.js' },
      performance: { hints: false },
    }, (error, stats) => error || stats.hasErrors() || stats.hasWarnings() ? reject(error ?? new Error(stats.toString())) : resolve()));
  `);

describe.skipIf(!isInstalled || !executablePath)('a page', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  });
  afterAll(() => browser?.close());

  /** What the app in a folder gives, on a server that isolates its pages and on one that does not. */
  async function resultsOf(folder: string): Promise<Result[]> {
    const results: Result[] = [];
    for (const headers of [ISOLATION, {}]) {
      const site = await serveApp(join(project.folder, folder), { '/models/': models }, headers);
      results.push(await resultIn(browser, site.origin));
      await site.close();
    }
    return results;
  }
  const both = () => [
    { text: wanted, threads: 2, inWorker: wanted },
    { text: wanted, threads: 1, inWorker: wanted },
  ];

  test('of the development server of Vite 7', async () => {
    const vite = createRequire(join(tools, 'x.js')).resolve('vite');
    const { createServer } = await import(/* @vite-ignore */ join(vite, '../dist/node/index.js')).catch(
      () => import(/* @vite-ignore */ vite),
    );
    const headers = ISOLATION;
    const server = await createServer({
      root: project.folder,
      configFile: false,
      logLevel: 'error',
      server: { port: 0, host: '127.0.0.1', headers },
    });
    await server.listen();
    const result = await resultIn(browser, server.resolvedUrls.local[0]);
    await server.close();
    expect(result).toEqual({ text: wanted, threads: 2, inWorker: wanted });
  });

  test('built by Vite 7', async () => {
    build(`
      import { build } from 'vite';
      await build({ root: PROJECT, configFile: false, logLevel: 'error', build: { outDir: 'vite7', copyPublicDir: false } });
    `);
    expect(await resultsOf('vite7')).toEqual(both());
  });

  test.each(['esm', 'iife'])('built by esbuild in one file (%s)', async (format) => {
    // Without import.meta the worker starts from the copy in the library, about which esbuild warns.
    const logOverride = { 'empty-import-meta': format === 'iife' ? 'silent' : 'warning' };
    esbuild({ entryPoints: ['main.js'], outfile: 'out/main.js', format, minify: true, logOverride });
    expect(await resultsOf('out')).toEqual(both());
  });

  test('built by esbuild in many files', async () => {
    esbuild({ entryPoints: ['main.js'], outdir: 'parts', format: 'esm', splitting: true });
    cpSync(join(project.folder, 'out/index.html'), join(project.folder, 'parts/index.html'));
    expect(await resultsOf('parts')).toEqual(both());
  });

  test('built by webpack 5', async () => {
    webpack('main.js', 'webpack', 'web');
    cpSync(join(project.folder, 'out/index.html'), join(project.folder, 'webpack/index.html'));
    expect(await resultsOf('webpack')).toEqual(both());
  });

  test('built by Rollup 4', async () => {
    rollup('main.js', 'out/main.js', 'es');
    expect(await resultsOf('out')).toEqual(both());
  });
});

describe.skipIf(!isInstalled)('a program for Node', () => {
  const run = (file: string) =>
    execFileSync(process.execPath, [file], { cwd: tmpdir(), encoding: 'utf8', stdio: 'pipe' });

  test.each(['esm', 'cjs'])('built by esbuild (%s)', (format) => {
    const outfile = `program.${format === 'esm' ? 'mjs' : 'cjs'}`;
    esbuild({ entryPoints: ['node-main.js'], outfile, format, platform: 'node' });
    expect(run(join(project.folder, outfile))).toBe(wanted);
  });

  test.each(['es', 'cjs'])('built by Rollup 4 (%s)', (format) => {
    const outfile = `rolled.${format === 'es' ? 'mjs' : 'cjs'}`;
    rollup('node-main.js', outfile, format, true);
    expect(run(join(project.folder, outfile))).toBe(wanted);
  });

  test('built by webpack 5', () => {
    webpack('node-main.js', 'webpack-node', 'node20');
    project.write('webpack-node/package.json', '{ "type": "commonjs" }');
    expect(run(join(project.folder, 'webpack-node/main.js'))).toBe(wanted);
  });
});
