/** Laws of loadTensors: it gives back what saveTensors wrote, from a file, bytes or an address, and believes nothing that it is told. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { safetensorsBytes } from '../../src/checkpoint/save.ts';
import { loadTensors, saveTensors } from '../../src/node.ts';
import { loadTensors as loadInPage } from '../../src/web.ts';
import { bytesOfAll, savedTensors } from './saved.ts';

let folder: string;
let server: Server;
let url: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portmanteau-load-'));
  server = createServer((request, response) => {
    if (request.url === '/page')
      response.setHeader('content-type', 'text/html').end('<!doctype html><title>App</title>');
    else if (request.url?.startsWith('/.a,b.safetensors?x=1'))
      response.end(readFileSync(join(folder, '.a,b.safetensors')));
    else response.writeHead(404).end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await new Promise((done) => server.close(done));
});

const TENSORS = new Map([
  ['logits', { shape: [2, 3], dtype: 'f32', data: Float32Array.of(0, -0, 1.5, Number.NaN, 1 / 3, -1e30) }],
  ['half', { shape: [2], dtype: 'f16', data: Uint16Array.of(0x3c00, 0xfbff) }],
  ['bits of bf16', { shape: [1, 2], dtype: 'bf16', data: Uint16Array.of(0x3f80, 0xff80) }],
  ['codes', { shape: [3], dtype: 'i8', data: Int8Array.of(-128, 0, 127) }],
  ['bytes', { shape: [3], dtype: 'u8', data: Uint8Array.of(255, 0, 1) }],
  ['ids', { shape: [2, 1], dtype: 'i32', data: Int32Array.of(-(2 ** 31), 2 ** 31 - 1) }],
  ['scalar', { shape: [], dtype: 'f32', data: Float32Array.of(7) }],
  ['empty', { shape: [0, 4], dtype: 'f32', data: new Float32Array(0) }],
]);

describe('what saveTensors wrote', () => {
  let file: string;
  beforeAll(async () => {
    file = join(folder, '.a,b.safetensors'); // a name that no checkpoint may have
    await saveTensors(file, TENSORS);
  });

  test('comes back by its path, as bytes and as a Blob', async () => {
    const bytes = readFileSync(file);
    for (const from of [file, bytes, new Blob([bytes])]) expect(await loadTensors(from)).toEqual(TENSORS);
  });

  test('comes back in a page by its address, as bytes and as a Blob', async () => {
    const bytes = readFileSync(file);
    const address = `${url}/.a,b.safetensors?x=1`;
    for (const from of [address, new URL(address), bytes, new Blob([bytes])])
      expect(await loadInPage(from)).toEqual(TENSORS);
  });

  test('does not come where it is not', async () => {
    await expect(loadTensors(join(folder, 'none'))).rejects.toThrow(/^there is no file .*none/);
    await expect(loadTensors(folder)).rejects.toThrow(/is a folder, wanted a file/);
    await expect(loadInPage(`${url}/none`)).rejects.toMatchObject({ name: 'FetchError', status: 404 });
    await expect(loadInPage(`${url}/page`)).rejects.toThrow(/HTML page/);
    await expect(loadInPage('none')).rejects.toThrow(/is no address/);
  });

  test('stops coming when it is told to', async () => {
    await expect(loadTensors(file, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/);
  });
});

describe('a file that is not believed', () => {
  const headerOf = (header: object, bytes: number) => {
    const json = new TextEncoder().encode(JSON.stringify(header));
    const file = new Uint8Array(8 + json.length + bytes);
    new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
    file.set(json, 8);
    return file;
  };

  test('claims more than it has', async () => {
    const huge = { a: { dtype: 'F32', shape: [2 ** 40], data_offsets: [0, 2 ** 42] } };
    await expect(loadTensors(headerOf(huge, 16))).rejects.toMatchObject({ name: 'CheckpointError' });
  });

  test('ends early, anywhere', async () => {
    const file = join(folder, 'whole.safetensors');
    await saveTensors(file, TENSORS);
    const bytes = readFileSync(file);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), async (end) => {
        await expect(loadTensors(bytes.subarray(0, end))).rejects.toMatchObject({ name: 'CheckpointError' });
      }),
    );
  });

  test.each(['F64', 'I64', 'I16', 'BOOL'])('holds %s, which is named with what is read', async (dtype) => {
    const bytes = { F64: 8, I64: 8, I16: 2, BOOL: 1 }[dtype] as number;
    const file = headerOf({ 'a.b': { dtype, shape: [1], data_offsets: [0, bytes] } }, bytes);
    await expect(loadTensors(file)).rejects.toThrow(new RegExp(`'a.b' is ${dtype}, wanted one of F32, F16`));
  });

  test('and any file of tensors comes whole, or not for its types', async () => {
    await fc.assert(
      fc.asyncProperty(savedTensors, async (tensors) => {
        const path = join(folder, 'any.safetensors');
        writeFileSync(path, await bytesOfAll(safetensorsBytes(tensors)));
        const isOdd = tensors.some(({ dtype }) => ['F64', 'I64', 'I16', 'BOOL'].includes(dtype));
        if (isOdd) return void (await expect(loadTensors(path)).rejects.toMatchObject({ name: 'CheckpointError' }));
        const loaded = await loadTensors(path);
        expect([...loaded.keys()]).toEqual(tensors.map(({ name }) => name));
        for (const { name, shape, bytes } of tensors) {
          const { data, ...found } = loaded.get(name)!;
          expect(found.shape).toEqual(shape);
          expect(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)).toEqual(await bytesOfAll(bytes()));
        }
      }),
      { numRuns: 50 },
    );
  });
});
