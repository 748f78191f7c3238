/**
 * What clients do: some ask well, and look at the answers; others do all that goes wrong in networks and programs. Each action throws when the
 * server does something that is not the client's fault.
 */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const JSON_TYPE = { 'content-type': 'application/json' };

function expectStatus(status, wanted, about) {
  if (!wanted.includes(status)) throw new Error(`${about}: status ${status}, wanted ${wanted.join(' or ')}`);
  return status;
}

const post = (url, path, body, init = {}) =>
  fetch(url + path, {
    method: 'POST',
    headers: JSON_TYPE,
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
    ...init,
  });

/** Errors have the form of OpenAI's API. */
async function expectError(response, wanted, about) {
  const text = await response.text();
  expectStatus(response.status, wanted, `${about}, ${text.slice(0, 200)}`);
  const { error } = JSON.parse(text);
  if (typeof error.message !== 'string' || error.message.length < 3)
    throw new Error(`${about}: an error without a message`);
  return response.status;
}

/** Texts of the answers of a stream, as a request that is not streamed has them. `onEvent` may end the reading by returning true. */
async function readEvents(body, onEvent = () => false) {
  const texts = [];
  let [rest, done] = ['', false];
  const decoder = new TextDecoder();
  for await (const part of body) {
    const events = (rest + decoder.decode(part, { stream: true })).split('\n\n');
    rest = events.pop();
    for (const event of events) {
      const data = event.replace(/^data: /, '');
      if (data === '[DONE]') done = true;
      else {
        const { error, choices } = JSON.parse(data);
        if (error) throw new Error(`an error in a stream: ${error.message}`);
        for (const { index, text } of choices) texts[index] = (texts[index] ?? '') + text;
      }
      if (onEvent()) return undefined;
    }
  }
  if (!done) throw new Error('a stream ended without [DONE]');
  return { choices: texts.map((text) => ({ text })) };
}

/** The text of a request, for sockets. */
function raw(path, body, headers = {}) {
  const all = {
    host: 'server',
    ...JSON_TYPE,
    'content-length': Buffer.byteLength(body),
    connection: 'close',
    ...headers,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== undefined);
  return `POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;
}

function socketTo(url) {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  socket.on('error', () => {}); // the server may end connections that are used wrongly
  return socket;
}

/** All that comes until the server ends the connection. */
async function received(socket, delayMs = 0) {
  const parts = [];
  try {
    for await (const part of socket) {
      parts.push(part);
      if (delayMs > 0) await sleep(delayMs);
    }
  } catch {
    // what came counts
  }
  return Buffer.concat(parts).toString();
}

const statusOf = (text) => Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0);

/** The body of an answer that is not kept open, chunked or not. */
function bodyOf(text) {
  const [head, ...rest] = text.split('\r\n\r\n');
  const body = rest.join('\r\n\r\n');
  if (!/transfer-encoding: chunked/i.test(head)) return body;
  const bytes = Buffer.from(body);
  const parts = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf('\r\n', at);
    const length = Number.parseInt(bytes.toString('latin1', at, end), 16);
    parts.push(bytes.subarray(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
  return Buffer.concat(parts).toString();
}

const streamed = ({ body }) => JSON.stringify({ ...body, stream: true });
const long = (model, tokens) => ({
  model,
  prompt: 'the',
  max_tokens: tokens,
  ignore_eos: true,
  temperature: 1,
  seed: 1,
  stream: true,
});

/** By name: how often (weight), and what is done. Each gives the status that came, or a word. */
export const ACTIONS = {
  async 'whole answer'({ url, good }) {
    const { path, body, isRight, kind, wanted } = good();
    const response = await post(url, path, body);
    expectStatus(response.status, [200, 429], kind);
    if (response.status === 429) return refused(response);
    const answer = await response.json();
    if (!isRight(answer))
      throw new Error(`${kind}: ${JSON.stringify(answer).slice(0, 500)}, wanted ${wanted.slice(0, 500)}`);
    return 200;
  },
  async stream({ url, streaming }) {
    const one = streaming();
    const response = await post(url, one.path, streamed(one));
    expectStatus(response.status, [200, 429], one.kind);
    if (response.status === 429) return refused(response);
    const answer = await readEvents(response.body);
    if (!one.isRight(answer)) throw new Error(`${one.kind}: ${JSON.stringify(answer)}, wanted ${one.wanted}`);
    return 200;
  },
  async session({ url, conversation, client }) {
    const { model, turns } = conversation();
    for (const { prompt, text } of turns) {
      const body = { model, prompt, max_tokens: 8, temperature: 0, session: `client-${client}` };
      const response = await post(url, '/v1/completions', body);
      expectStatus(response.status, [200, 429], 'session');
      if (response.status === 429) return refused(response);
      const { choices } = await response.json();
      if (choices[0].text !== text) throw new Error(`session: '${choices[0].text}', wanted '${text}'`);
    }
    return 200;
  },
  async 'stream left in the middle'({ url, model, below }) {
    const abort = new AbortController();
    const response = await post(url, '/v1/completions', long(model(), 400), { signal: abort.signal });
    expectStatus(response.status, [200, 429], 'long stream');
    let left = 1 + below(30);
    await readEvents(response.body, () => --left === 0).catch((error) => {
      if (response.status === 200) throw error;
    });
    abort.abort();
    return response.status;
  },
  async 'left before the answer'({ url, good, below }) {
    const { path, body } = good();
    const stop = AbortSignal.timeout(below(200));
    return post(url, path, body, { signal: stop })
      .then(async (response) => {
        await response.arrayBuffer();
        return expectStatus(response.status, [200, 429], 'left');
      })
      .catch((error) => {
        if (['TimeoutError', 'AbortError'].includes(error.name)) return 'left';
        throw error;
      });
  },
  async 'body too large, told'({ url, maxBody }) {
    const socket = socketTo(url);
    socket.write(raw('/v1/completions', '', { 'content-length': maxBody + 1 }));
    const text = await received(socket);
    socket.destroy();
    return expectStatus(statusOf(text), [413], 'too large');
  },
  async 'body too large, not told'({ url, maxBody }) {
    const socket = socketTo(url);
    socket.write(raw('/v1/completions', '', { 'content-length': undefined, 'transfer-encoding': 'chunked' }));
    const answer = received(socket);
    const part = 'a'.repeat(65_536);
    for (let sent = 0; sent <= maxBody + 2 * part.length && !socket.destroyed && socket.writable; sent += part.length) {
      socket.write(`${part.length.toString(16)}\r\n${part}\r\n`);
      await sleep(1);
    }
    socket.end('0\r\n\r\n');
    const status = statusOf(await answer);
    socket.destroy();
    return expectStatus(status, [413], 'too large, chunked');
  },
  async 'broken JSON'({ url, below, good }) {
    const text = JSON.stringify(good().body);
    const broken = [
      text.slice(0, below(text.length)),
      `${text}}`,
      '[',
      '['.repeat(50_000),
      'null',
      '"a"',
      '{"model":',
      '',
    ];
    return expectError(await post(url, '/v1/completions', broken[below(broken.length)]), [400], 'broken JSON');
  },
  async 'broken UTF-8'({ url, good, below }) {
    const bytes = Buffer.from(JSON.stringify({ ...good().body, user: 'abc' }));
    bytes[bytes.length - 3 - below(2)] = [0xff, 0xc3, 0xed, 0x80][below(4)];
    return expectError(await post(url, '/v1/completions', bytes), [400], 'broken UTF-8');
  },
  async 'other types'({ url, good }) {
    const response = await post(url, '/v1/completions', good().body, { headers: { 'content-type': 'text/plain' } });
    return expectError(response, [415], 'other type');
  },
  async 'wrong parameters'({ url, model, below }) {
    const cases = [
      [{ model: 'nobody', prompt: 'a' }, 404],
      [{ model: model(), prompt: 'a', max_tokens: -1 }, 400],
      [{ model: model(), prompt: 'a', temperature: 'hot' }, 400],
      [{ model: model(), prompt: [1e9] }, 400],
      [{ model: model(), prompt: 'a', n: 1e6 }, 400],
      [{ model: model(), prompt: 'a '.repeat(20_000), max_tokens: 1e9 }, 400],
      [{ model: model(), prompt: 'a', interventions: [{ site: 'nowhere', scale: 0 }] }, 400],
      [{ model: model(), prompt: 'a', session: '../../etc/passwd' }, 400],
      [{ model: model(), prompt: 'a', __proto__: null, constructor: 1 }, 400],
    ];
    const [body, status] = cases[below(cases.length)];
    return expectError(await post(url, '/v1/completions', body), [status], JSON.stringify(body).slice(0, 100));
  },
  async 'wrong addresses'({ url, below }) {
    const [method, path, status] = [
      ['GET', '/v1/completions', 405],
      ['GET', '/v1/../../etc/passwd', 404],
      ['GET', '/v1/models/%2e%2e%2f', 404],
      ['DELETE', '/v1/sessions/none?model=none', 404],
      ['PUT', '/health', 404],
    ][below(5)];
    return expectError(await fetch(url + path, { method }), [status], `${method} ${path}`);
  },
  async 'slow reader'({ url, streaming }) {
    const one = streaming();
    const socket = socketTo(url);
    socket.pause();
    socket.write(raw(one.path, streamed(one)));
    await sleep(1000);
    const text = await received(socket, 20);
    const status = expectStatus(statusOf(text), [200, 429], 'slow reader');
    if (status === 429) return status;
    const answer = await readEvents([Buffer.from(bodyOf(text))]);
    if (!one.isRight(answer)) throw new Error(`slow reader: ${JSON.stringify(answer)}, wanted ${one.wanted}`);
    return status;
  },
  async 'reader that stops'({ url, model }) {
    const socket = socketTo(url);
    socket.pause();
    socket.write(raw('/v1/completions', JSON.stringify({ ...long(model(), 400), n: 4 })));
    await sleep(2000);
    socket.destroy();
    return 'left';
  },
  async 'slow sender'({ url, good }) {
    const { path, body, isRight } = good();
    const text = raw(path, JSON.stringify(body));
    const socket = socketTo(url);
    const answer = received(socket);
    const step = Math.ceil(text.length / 40);
    for (let at = 0; at < text.length; at += step) {
      socket.write(text.slice(at, at + step));
      await sleep(50);
    }
    const got = await answer;
    const status = expectStatus(statusOf(got), [200, 429], 'slow sender');
    if (status === 200 && !isRight(JSON.parse(bodyOf(got)))) throw new Error(`slow sender: ${bodyOf(got)}`);
    return status;
  },
  async 'sender that stops'({ url, good, below }) {
    const { path, body } = good();
    const text = raw(path, JSON.stringify(body));
    const socket = socketTo(url);
    socket.write(text.slice(0, below(text.length)));
    await sleep(500 + below(2000));
    if (below(2) === 0) socket.end();
    else socket.resetAndDestroy();
    await Promise.race([received(socket), sleep(1000)]);
    socket.destroy();
    return 'left';
  },
  async 'half-open socket'({ url, below, halfOpen }) {
    const socket = socketTo(url);
    if (below(2) === 0) socket.write('POST /v1/completions HTTP/1.1\r\nhost: server\r\n');
    halfOpen.add(socket); // nothing more comes; the server has to end it
    socket.on('close', () => halfOpen.delete(socket));
    socket.on('end', () => socket.destroy());
    socket.resume();
    await sleep(100);
    return 'open';
  },
  async 'several requests in one packet'({ url, good }) {
    const all = [good(), good(), good()];
    const socket = socketTo(url);
    const close = (i) => ({ connection: i === all.length - 1 ? 'close' : 'keep-alive' });
    socket.write(all.map(({ path, body }, i) => raw(path, JSON.stringify(body), close(i))).join(''));
    const count = (await received(socket)).match(/HTTP\/1\.1 (200|429)/g)?.length;
    if (count !== all.length) throw new Error(`several requests: ${count} answers, wanted ${all.length}`);
    return 200;
  },
  async 'no HTTP'({ url, below }) {
    const socket = socketTo(url);
    socket.write(
      `${Buffer.from(Array.from({ length: 1 + below(300) }, () => below(256))).toString('latin1')}\r\n\r\n`,
      'latin1',
    );
    const text = await Promise.race([received(socket), sleep(1000).then(() => '')]);
    socket.destroy();
    const status = statusOf(text);
    return status === 0 ? 'closed' : expectStatus(status, [400, 431], 'no HTTP');
  },
};

/** Good requests are most of all. */
const WEIGHTS = { 'whole answer': 12, stream: 12, session: 3, 'half-open socket': 0.3 };
export const weightOf = (name) => WEIGHTS[name] ?? 1;

async function refused(response) {
  await response.arrayBuffer();
  const seconds = Number(response.headers.get('retry-after'));
  if (!(seconds >= 1)) throw new Error('429 without Retry-After');
  await sleep(200);
  return 429;
}
