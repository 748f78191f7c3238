/**
 * Minutes of many clients on the real server, most of whom do something wrong: answers stay those of the model alone, memory stays flat, and nothing
 * fails that is not the client's fault. README.md says how to run it. Ends with 1 when something was found.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import { checksOf, fail, parsed } from '../peers/options.mjs';
import { startServer } from './server.mjs';
import { slope } from './slope.mjs';
import { ACTIONS, weightOf } from './soak-clients.mjs';
import { conversations, goodRequests, randomFrom } from './soak-requests.mjs';

const values = parsed({
  minutes: { type: 'string', default: '30' },
  clients: { type: 'string', default: '64' },
  models: { type: 'string', default: 'granite-tiny,mamba-tiny' },
  seed: { type: 'string', default: String(Date.now() % 1e6) },
  'server-flags': { type: 'string', default: '--prefix-cache 32MB' },
  json: { type: 'boolean', default: false },
});
const { number } = checksOf(values);
const [clients, seed] = ['clients', 'seed'].map((name) => number(name));
const minutes = Number(values.minutes);
if (!(minutes > 0)) fail(`--minutes came as '${values.minutes}', wanted a number above 0.`);
const names = values.models.split(',');
const fileAt = (path) => fileURLToPath(new URL(path, import.meta.url));
if (!existsSync(fileAt('../../dist/cli/main.js'))) fail('the library is not built: run npm run -s build first.');
const { enableEngineFeatures, fromPretrained } = await import('../../dist/src/node.js');
enableEngineFeatures(); // as the command line does: other kernels may round otherwise
const say = (text) => process.stderr.write(`${text}\n`);

const MAX_BODY = 1_000_000;
const sessions = mkdtempSync(join(tmpdir(), 'portmanteau-soak-'));
process.once('exit', () => rmSync(sessions, { recursive: true, force: true }));

say('the models alone answer first');
const models = {};
for (const name of names) models[name] = await fromPretrained(name, { threads: 1 });
const requests = await goodRequests(models, 8, seed);
const talks = await conversations(models, 6, seed + 1);
for (const model of Object.values(models)) await model.dispose();

const server = await startServer(spawn, process.execPath, [
  ...[fileAt('../../dist/cli/main.js'), 'serve', ...names, '--port', '0', '--no-log', '--threads', '1'],
  ...['--max-body', String(MAX_BODY), '--sessions', sessions, ...values['server-flags'].split(' ').filter(Boolean)],
]);
say(`server ${server.child.pid}, seed ${seed}`);

const below = randomFrom(seed + 2);
const pick = (list) => list[below(list.length)];
const streamable = requests.filter(({ streams }) => streams);
const halfOpen = new Set();
const common = {
  ...{ url: server.url, below, halfOpen, maxBody: MAX_BODY },
  good: () => pick(requests),
  streaming: () => pick(streamable),
  conversation: () => pick(talks),
  model: () => pick(names),
};
const counts = {};
const errors = [];
let over = false;

function note(action, result) {
  const own = (counts[action] ??= {});
  own[result] = (own[result] ?? 0) + 1;
}

function wrong(action, error) {
  note(action, 'WRONG');
  const causes = [error.message, error.cause?.message, error.cause?.code].filter(Boolean).join(', ');
  if (errors.length < 50) errors.push(`${action}: ${causes}`);
  if (counts[action].WRONG <= 3) say(`${action}: ${causes}`);
}

const total = Object.keys(ACTIONS).reduce((sum, name) => sum + weightOf(name), 0);
function someAction() {
  let at = (below(1e6) / 1e6) * total;
  return Object.keys(ACTIONS).find((name) => (at -= weightOf(name)) < 0) ?? 'whole answer';
}

/** Half of the clients: each does one thing after another. */
async function misbehave(client) {
  while (!over) {
    const action = someAction();
    try {
      note(action, await ACTIONS[action]({ ...common, client }));
    } catch (error) {
      if (!over) wrong(action, error);
    }
  }
}

/** The other half: connections of autocannon, which ask for the good ones by turns. */
const cannon = autocannon({
  url: server.url,
  connections: Math.ceil(clients / 2),
  duration: minutes * 60,
  timeout: 120,
  requests: requests.map(({ path, body, isRight, kind, wanted }) => ({
    ...{ method: 'POST', path, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
    onResponse(status, text) {
      note('autocannon', status);
      if (status === 429) return;
      if (status !== 200) wrong('autocannon', new Error(`${kind}: status ${status}, ${text}`));
      else if (!isRight(JSON.parse(text)))
        wrong('autocannon', new Error(`${kind}: ${text.slice(0, 200)}, wanted ${wanted.slice(0, 200)}`));
    },
  })),
});

/** What the system and /metrics tell, in MiB; connections and other open files. */
async function sample() {
  const resident = /VmRSS:\s*(\d+) kB/.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'));
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  const metric = (name) =>
    [...metrics.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce(
      (sum, [, value]) => sum + Number(value),
      0,
    );
  return {
    resident: Number(resident[1]) / 1024,
    heap: metric('nodejs_heap_size_used_bytes') / 2 ** 20,
    external: metric('nodejs_external_memory_bytes') / 2 ** 20,
    states: metric('portmanteau_state_bytes') / 2 ** 20,
    files: readdirSync(`/proc/${server.child.pid}/fd`).length,
    running: metric('portmanteau_requests_running'),
    waiting: metric('portmanteau_requests_waiting'),
  };
}

const samples = [];
const begin = performance.now();
const hours = () => (performance.now() - begin) / 3.6e6;
const working = Array.from({ length: Math.floor(clients / 2) }, (_, client) => misbehave(client));
const end = performance.now() + minutes * 60_000;
const SAMPLES_EVERY = Math.max(1000, minutes * 150); // milliseconds: about 400 of them
while (performance.now() < end) {
  await sleep(Math.min(SAMPLES_EVERY, Math.max(1, end - performance.now())));
  try {
    samples.push({ hours: hours(), ...(await sample()) });
  } catch (error) {
    wrong('metrics', error);
    if (server.child.exitCode !== null) break;
  }
}
over = true;
const shot = await cannon;
if (shot.errors > 0) errors.push(`autocannon: ${shot.errors} errors, ${shot.timeouts} of them timeouts`);
await Promise.race([Promise.all(working), sleep(60_000).then(() => errors.push('clients did not end'))]);

/** When nobody asks any more, nothing runs and nothing waits. */
let idle = await sample();
for (let i = 0; i < 100 && idle.running + idle.waiting > 0; i++) {
  await sleep(100);
  idle = await sample();
}
if (idle.running + idle.waiting > 0) errors.push(`when all is over, ${idle.running} run and ${idle.waiting} wait`);
await sleep(26_000); // half-open sockets: the time that headers may take, and until it is looked at
if (halfOpen.size > 0) note('half-open socket', `still open: ${halfOpen.size}`);
for (const socket of halfOpen) socket.destroy();
server.child.kill('SIGTERM');
const code = await Promise.race([server.ended, sleep(30_000).then(() => 'nothing: it had to be killed')]);
if (code !== '0') errors.push(`after SIGTERM the server ended with ${code}: ${server.errors()}`);
server.child.kill('SIGKILL');

const settled = samples.slice(Math.floor(samples.length / 3));
const lines = ['resident', 'heap', 'external', 'states', 'files'].map((what) => {
  const line = slope(settled.map((one) => [one.hours, one[what]]));
  const peak = Math.max(...samples.map((one) => one[what]));
  return { what, first: samples[0]?.[what], peak, idle: idle[what], ...line };
});
const result = {
  cpu: cpus()[0].model.trim(),
  node: process.versions.node,
  minutes,
  clients,
  seed,
  counts,
  lines,
  errors,
  samples,
};
if (values.json) console.log(JSON.stringify(result));
else {
  const digits = (value) => value?.toFixed(1) ?? '-';
  console.log(
    [
      `${result.cpu}, Node ${result.node}, ${minutes} minutes, ${clients} clients, seed ${seed}`,
      '',
      '| | first | mean of the last two thirds | peak | at the end | slope per hour (95 %) |',
      '|---|---|---|---|---|---|',
      ...lines.map(
        ({ what, first, mean, peak, idle, perX, within }) =>
          `| ${what}${what === 'files' ? '' : ', MiB'} | ${[first, mean, peak, idle].map(digits).join(' | ')} | ${digits(perX)} ± ${digits(within)} |`,
      ),
      '',
      '| what clients did | results |',
      '|---|---|',
      ...Object.entries(counts).map(
        ([action, results]) =>
          `| ${action} | ${Object.entries(results)
            .map(([status, count]) => `${status}: ${count}`)
            .join(', ')} |`,
      ),
      '',
      errors.length === 0 ? 'Nothing went wrong.' : `Wrong:\n${errors.map((error) => `- ${error}`).join('\n')}`,
    ].join('\n'),
  );
}
process.exit(errors.length === 0 ? 0 : 1);
