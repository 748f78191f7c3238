/** What a visitor of the playground is told when a model cannot be opened, or needs much. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RunningPlayground, servePlayground } from '../../src/node.ts';
import { findChromium, howToInstall } from '../browser/chromium.ts';

const executablePath = findChromium();
if (!executablePath && process.env.CI) throw new Error(howToInstall);

const tiny = fileURLToPath(new URL('../../models/granite-tiny/', import.meta.url));
const FILES = ['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];

/** A checkpoint of a plain Llama, of whose 100 MB of weights only the header is more than a hole in a file. */
function writeLarge(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const [width, layers, vocabulary, inner] = [512, 16, 16_000, 1536];
  const config = {
    ...{ architectures: ['LlamaForCausalLM'], model_type: 'llama', hidden_size: width, num_hidden_layers: layers },
    ...{ vocab_size: vocabulary, intermediate_size: inner, num_attention_heads: 8, num_key_value_heads: 8 },
    ...{ rms_norm_eps: 1e-5, hidden_act: 'silu', tie_word_embeddings: true, max_position_embeddings: 512 },
  };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  const square = [width, width];
  const shapes: Record<string, number[]> = {
    'model.embed_tokens.weight': [vocabulary, width],
    'model.norm.weight': [width],
  };
  for (let i = 0; i < layers; i++) {
    const parts: Record<string, number[]> = {
      ...{ input_layernorm: [width], post_attention_layernorm: [width] },
      ...{
        'self_attn.q_proj': square,
        'self_attn.k_proj': square,
        'self_attn.v_proj': square,
        'self_attn.o_proj': square,
      },
      ...{ 'mlp.gate_proj': [inner, width], 'mlp.up_proj': [inner, width], 'mlp.down_proj': [width, inner] },
    };
    for (const [part, shape] of Object.entries(parts)) shapes[`model.layers.${i}.${part}.weight`] = shape;
  }
  let at = 0;
  const header = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      const bytes = 2 * shape.reduce((a, b) => a * b);
      at += bytes;
      return [name, { dtype: 'BF16', shape, data_offsets: [at - bytes, at] }];
    }),
  );
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const file = join(folder, 'model.safetensors');
  writeFileSync(file, Buffer.concat([length, text]));
  truncateSync(file, 8 + text.length + at);
}

describe.skipIf(!executablePath)('the playground says', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'playground-'));
  let browser: Browser;
  let site: RunningPlayground;
  let context: BrowserContext;
  let page: Page;
  beforeAll(async () => {
    writeLarge(join(folder, 'large'));
    [browser, site] = await Promise.all([
      chromium.launch({ executablePath, args: ['--no-sandbox'] }),
      servePlayground({ port: 0, models: [join(folder, 'large')] }),
    ]);
  });
  afterAll(async () => {
    await Promise.all([browser?.close(), site?.close()]);
    rmSync(folder, { recursive: true });
  });
  beforeEach(async () => {
    context = await browser.newContext({ serviceWorkers: 'block' });
    page = await context.newPage();
  });
  afterEach(() => context.close());

  /** Runs first, in the page and in its workers. */
  const before = (code: string) =>
    context.route('**/assets/*.js', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: `${code};\n${await response.text()}` });
    });
  const open = (hash: string) => page.goto(`${site.url}#/${hash}`);
  const alert = () => page.getByRole('alert').textContent();

  test.each([
    ['no WebAssembly', 'delete globalThis.WebAssembly', /runs no WebAssembly.*lockdown mode.*another browser/],
    ['no SIMD', 'WebAssembly.validate = () => false', /no WebAssembly SIMD.*Chrome 91, Firefox 89 or Safari 16\.4/],
  ])('that there is %s', async (_, code, message) => {
    await before(code);
    await open('write?model=granite-tiny');
    expect(await alert()).toMatch(message);
  });

  test('what a large model needs in each format before it is loaded, and what is likely too much', async () => {
    await before("Object.defineProperty(Object.getPrototypeOf(navigator), 'deviceMemory', { get: () => 0.25 })");
    await open('write?model=large');
    const formats = page.locator('.asked fieldset label');
    await formats.first().waitFor();
    const texts = await formats.allTextContents();
    const of = (format: string) => texts.find((text) => text.startsWith(`${format}:`)) ?? '';
    expect(of('f32')).toMatch(/\d+ MB · likely more than this device has/);
    expect(of('q4')).toMatch(/^q4: \d+ MB$/);
    await page.getByRole('radio', { name: 'f32' }).check();
    await page.getByRole('button', { name: 'Load' }).click();
    expect(await alert()).toMatch(
      /needs \d+ MB of memory, but this machine has 268 MB\. These formats fit: .*bf16 .*q4/,
    );
  });

  test('what the hub says, and opens its models, which the browser keeps', async () => {
    const content = new Map(FILES.map((name) => [name, readFileSync(`${tiny}${name}`)]));
    const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    const siblings = [...content].map(([rfilename, bytes]) => ({
      ...{ rfilename, lfs: { sha256: sha256(bytes), size: bytes.length } },
    }));
    const asked: string[] = [];
    await context.route('https://huggingface.co/**', (route) => {
      const { pathname } = new URL(route.request().url());
      asked.push(pathname);
      const headers = { 'access-control-allow-origin': '*', 'cross-origin-resource-policy': 'cross-origin' };
      if (pathname === '/api/models/org/name/revision/main')
        return route.fulfill({ headers, json: { sha: 'c'.repeat(40), siblings } });
      const body = content.get(/^\/org\/name\/resolve\/c+\/(.*)$/.exec(pathname)?.[1] ?? '');
      return body ? route.fulfill({ headers, body }) : route.fulfill({ headers, status: 404 });
    });
    await open('write?model=no/such');
    expect(await alert()).toMatch(/no\/such could not be opened.*check https:\/\/huggingface\.co\/no\/such/s);
    await page.getByLabel('A hub id').fill('org/name');
    await page.getByRole('button', { name: 'Open', exact: true }).click();
    await page.locator('.token').first().waitFor();
    expect(asked).toContain(`/org/name/resolve/${'c'.repeat(40)}/model.safetensors`);
    asked.length = 0;
    await page.reload();
    await page.locator('.token').first().waitFor();
    expect(new Set(asked)).toEqual(new Set(['/api/models/org/name/revision/main'])); // whether it has moved
  });

  test('a folder of the disk is opened; one without a model is told', async () => {
    await open('write?model=mamba-tiny');
    await page.locator('.token').first().waitFor();
    // A folder of the page's own storage is of the same class as one that a visitor chooses.
    await page.evaluate(async () => {
      const root = await navigator.storage.getDirectory();
      const model = await root.getDirectoryHandle('my-model', { create: true });
      for (const name of ['config.json', 'model.safetensors', 'tokenizer.json']) {
        const stream = await (await model.getFileHandle(name, { create: true })).createWritable();
        await stream.write(await (await fetch(`models/granite-tiny/${name}`)).blob());
        await stream.close();
      }
      const picks = [root, model];
      Object.assign(globalThis, {
        showDirectoryPicker: async () => picks.shift() ?? Promise.reject(new DOMException('', 'AbortError')),
      });
    });
    await page.getByRole('button', { name: /Model/ }).click();
    const pick = page.getByRole('button', { name: 'Open a folder' });
    await pick.click();
    expect(await alert()).toMatch(/there is no config\.json among the 0 files/);
    await pick.click();
    await page.getByText('my-model: 1.5 million parameters').waitFor();
  });
});
