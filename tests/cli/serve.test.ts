/** The server as a user starts it: a process of its own on a real port, ended by signals, and by none. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cli, golden, type Started, start } from './cli.ts';

const MODEL = 'mamba-tiny';

interface Server extends Started {
  readonly url: string;
}

const children: Started['child'][] = [];
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portmanteau-serve-'));
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

/** On a port that is free, when its model is loaded. */
async function serve(...flags: string[]): Promise<Server> {
  const started = start(['serve', MODEL, '--port', '0', '--no-log', '--threads', '1', ...flags]);
  children.push(started.child);
  const url = await new Promise<string>((resolve, reject) => {
    let stdout = '';
    started.child.stdout.on('data', (piece) => {
      stdout += piece;
      const [, found] = /listens on (http:\S+)\n/.exec(stdout) ?? [];
      if (found !== undefined) resolve(found);
    });
    void started.ended.then(({ code, stderr }) => reject(new Error(`ended with ${code}: ${stderr}`)));
  });
  const status = async () => ((await (await fetch(`${url}/health`)).json()) as { status: string }).status;
  await expect.poll(status, { timeout: 60_000 }).toBe('ready');
  return { ...started, url };
}

const post = (url: string, body: object): Promise<Response> =>
  fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: MODEL, temperature: 0, ignore_eos: true, ...body }),
  });

interface Completion {
  readonly choices: readonly { readonly text: string }[];
  readonly usage: { readonly prompt_tokens_details: { readonly cached_tokens: number } };
}

async function completed(url: string, body: object): Promise<{ readonly text: string; readonly cached: number }> {
  const { choices, usage } = (await (await post(url, body)).json()) as Completion;
  return { text: choices[0]?.text ?? '', cached: usage.prompt_tokens_details.cached_tokens };
}

describe('serve', { timeout: 180_000 }, () => {
  test('answers, and a stream tells the same text in parts; SIGTERM lets a stream end, and the code is 0', async () => {
    const { child, ended, url } = await serve();
    const { text } = await completed(url, { prompt: 'The cat', max_tokens: 60 });
    // Longer than clients keep connections: else one may be ended while a request is on its way.
    expect((await fetch(`${url}/health`)).headers.get('keep-alive')).toBe('timeout=75');
    const stream = await post(url, { prompt: 'The cat', max_tokens: 60, stream: true });
    child.kill('SIGTERM');
    const events = (await stream.text()).split('\n\n').map((event) => event.replace(/^data: /, ''));
    expect(events.slice(-2)).toEqual(['[DONE]', '']);
    const parts = events.slice(0, -2).map((event) => (JSON.parse(event) as Completion).choices[0]?.text);
    expect(parts.length).toBeGreaterThan(2);
    expect(parts.join('')).toBe(text);
    expect(await ended).toMatchObject({ code: 0, stderr: expect.stringContaining('stopping: ') });
  });

  test('a session is saved by SIGTERM; after kill -9 it is what was saved last', async () => {
    const sessions = join(folder, 'sessions');
    const file = join(sessions, MODEL, 'talk.safetensors');
    const session = 'talk';
    const first = await serve('--sessions', sessions);
    const begun = await completed(first.url, { prompt: 'The cat', max_tokens: 6, session });
    first.child.kill('SIGTERM');
    expect((await first.ended).code).toBe(0);
    const saved = await readFile(file);

    const second = await serve('--sessions', sessions);
    const more = { prompt: `The cat${begun.text} and then the dog`, max_tokens: 6, session };
    const next = await completed(second.url, more);
    expect(next.cached).toBeGreaterThanOrEqual(6);
    second.child.kill('SIGKILL');
    expect((await second.ended).code).toBeNull();
    expect(Buffer.compare(await readFile(file), saved)).toBe(0);
    expect(await readdir(join(sessions, MODEL))).toEqual(['talk.safetensors']);

    const third = await serve('--sessions', sessions);
    expect(await completed(third.url, more)).toEqual(next);
    const other = await cli(['serve', MODEL, '--port', '0', '--sessions', sessions]);
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('another run keeps its sessions in') });
    third.child.kill('SIGINT');
    expect((await third.ended).code).toBe(0);
  });

  test('a client who takes nothing of its answer is cut off, and one who waits for its answer is not', async () => {
    const { child, ended, url } = await serve('--capture', '--max-stall', '1');
    const prompt = Array.from({ length: 2000 }, (_, i) => 1 + (i % 100));
    const body = JSON.stringify({ model: MODEL, prompt, sites: ['logits'] }); // more than sockets hold
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.pause();
    const head = `host: server\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
    socket.write(`POST /v1/capture HTTP/1.1\r\n${head}\r\n\r\n${body}`);
    expect((await completed(url, { prompt: 'The cat', max_tokens: 4000 })).text.length).toBeGreaterThan(4000);
    await sleep(3000);
    const parts: Buffer[] = [];
    for await (const part of socket) parts.push(part as Buffer);
    const answer = Buffer.concat(parts);
    const [, length] = /content-length: (\d+)/i.exec(answer.toString('latin1', 0, 1000)) ?? [];
    expect(Number(length)).toBeGreaterThan(answer.length);
    child.kill('SIGTERM');
    expect((await ended).code).toBe(0);
  });

  test('a base model talks by a template that is given', async () => {
    const template = join(folder, 'template.jinja');
    await writeFile(template, '{% for m in messages %}{{ m.content }}{% endfor %}');
    const { child, ended, url } = await serve('--chat-template', template);
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        ...{ model: MODEL, temperature: 0, ignore_eos: true, max_tokens: 6 },
        messages: [{ role: 'user', content: 'The cat' }],
      }),
    });
    const { choices } = (await answer.json()) as { choices: { message: { content: string } }[] };
    const plain = await completed(url, { prompt: 'The cat', max_tokens: 6 });
    expect(choices[0]?.message.content).toBe(plain.text);
    child.kill('SIGTERM');
    expect((await ended).code).toBe(0);
  });

  test('a second signal ends at once', async () => {
    const { child, ended, url } = await serve();
    const stream = await post(url, { prompt: 'The cat', max_tokens: 4096, stream: true });
    const read = stream.text().catch(() => 'broken off');
    child.kill('SIGTERM');
    const health = async () => (await fetch(`${url}/health`)).status;
    await expect.poll(health, { timeout: 30_000 }).toBe(503);
    child.kill('SIGTERM');
    expect((await ended).code).toBe(143);
    await read;
  });
});

test('what is wrong is told before a model is loaded', { timeout: 60_000 }, async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  const wrong: readonly [readonly string[], RegExp][] = [
    [[MODEL, '--port', `${port}`], /cannot listen on 127\.0\.0\.1 port \d+: another program listens there\.\n$/],
    [['mamba-tiy'], /did you mean mamba-tiny\?/],
    [[MODEL, './nowhere'], /'\.\/nowhere' is no folder/],
    [['some-org/no-such-model'], /HF_HUB_OFFLINE.* lacks every file of some-org\/no-such-model/s],
    [[MODEL, '--adapter', `a=${join(folder, 'none')}`], /there is no folder '.*none', wanted .*or a hub id/],
    [[MODEL, '--adapter', 'a=some-org/no-such-adapter'], /HF_HUB_OFFLINE.* lacks .* of some-org\/no-such-adapter/s],
    [
      [MODEL, '--chat-template', 'nowhere.jinja'],
      /--chat-template came as 'nowhere\.jinja', and there is no such file/,
    ],
    [[MODEL, golden('mamba-odd'), '--chat-template', 'x.jinja'], /wanted model=file/],
    [
      [MODEL, golden('mamba-odd'), '--alias', 'a=b'],
      /'b' is none of the models that are served: mamba-tiny, mamba-odd\./,
    ],
  ];
  const results = await Promise.all(wrong.map(([args]) => cli(['serve', ...args, '--no-log'])));
  other.close();
  for (const [i, { code, stdout, stderr }] of results.entries()) {
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(wrong[i]?.[1] as RegExp);
  }
  const unfit = await cli(['serve', MODEL, '--no-log', '--adapter', `a=${golden('peft/llama')}`]);
  expect(unfit).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/adapter/) });
});
