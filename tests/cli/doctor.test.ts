/** `doctor` reports without a model, without the network, and without secrets. */
import { availableParallelism } from 'node:os';
import { describe, expect, test } from 'vitest';
import { advise, type Report } from '../../cli/commands/doctor.ts';
import { cli, json } from './cli.ts';

const SECRET = 'hf_aVerySecretToken';

describe('doctor', () => {
  test('--json says what is there and what is chosen', async () => {
    const report = await json<Report>(['doctor']);
    expect(report.node).toBe(process.version);
    expect(report.backend.cores).toBe(availableParallelism());
    expect(report.backend.features.simd).toBe(true);
    expect(report.backend.kernels).toMatch(/^(plain|relaxed16|relaxed32)$/);
    expect(report.availableBytes).toBeLessThanOrEqual(report.totalBytes);
    expect(report.hub.offline).toBe(true);
    expect(report.advice.join()).toContain('Nothing is downloaded');
  });

  test('for people, it has a heading for each matter', async () => {
    const { code, stdout, stderr } = await cli(['doctor']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^portmanteau \d+\.\d+\.\d+, Node \d+/);
    for (const heading of ['machine', 'engine', 'chosen', 'hub', 'environment', 'advice'])
      expect(stdout).toContain(`\n${heading}\n  `);
  });

  test('tells which flags of the engine are set, and sets none where the environment forbids it', async () => {
    const expected = process.versions.v8.startsWith('11.') ? ['--experimental-wasm-relaxed-simd'] : expect.any(Array);
    expect((await json<Report>(['doctor'])).engineFlags).toEqual(expected);
    const { engineFlags, backend } = await json<Report>(['doctor'], { env: { PORTMANTEAU_FLAGS: '0' } });
    expect(engineFlags).toEqual([]);
    if (process.versions.v8.startsWith('11.')) expect(backend.kernels).toBe('plain');
  });

  test.each([[[]], [['--json']]])('shows no token and no password %j', async (flags) => {
    for (const address of [
      `https://me:a@${SECRET}@hub.example/`,
      `https://hub.example?key=${SECRET}`,
      `me:${SECRET}@hub`,
    ]) {
      const env = { HF_TOKEN: SECRET, HF_ENDPOINT: address, HUGGING_FACE_HUB_TOKEN: SECRET };
      const { code, stdout, stderr } = await cli(['doctor', ...flags], { env });
      expect(code).toBe(0);
      expect(stdout + stderr).not.toContain(SECRET);
      expect(stdout).toMatch(/HF_TOKEN\W+set/);
    }
  });

  test('shows proxies without their passwords, and says when one is none', async () => {
    const env = {
      HTTPS_PROXY: `http://me:${SECRET}@proxy.example:3128`,
      ALL_PROXY: `me:${SECRET}@proxy.example`,
      NO_PROXY: 'a.example',
    };
    const { stdout } = await cli(['doctor'], { env: { ...env, https_proxy: 'gopher://x' } });
    expect(stdout).not.toContain(SECRET);
    expect(stdout).toMatch(/HTTPS_PROXY +http:\/\/...@proxy.example:3128\n/);
    expect(stdout).toMatch(/HTTPS_PROXY is 'gopher:\/\/x', wanted the address of a proxy/i);
  });

  test('tells where the cache is, even where no folder is yet, and what disk is left there', async () => {
    const { hub } = await json<Report>(['doctor'], { env: { HF_HUB_CACHE: '/nowhere/at/all' } });
    expect(hub.cacheDir).toBe('/nowhere/at/all');
    expect(hub.freeBytes).toBeGreaterThan(0);
  });
});

describe('advice', () => {
  const features = {
    ...{ simd: true, relaxedSimd: true, threads: true },
    ...{ memory64: true, multiMemory: true, promiseIntegration: true },
  };
  const backend = {
    ...{ features, kernels: 'relaxed32' as const, cores: 4, canShare: true, threads: 4 },
    ...{ memoryBytes: 2 ** 32, memoryBytesPossible: 2 ** 32 },
  } as const;
  const hub = {
    cacheDir: '/c',
    freeBytes: 1e12,
    endpoint: 'x',
    hasToken: false,
    offline: false,
    environment: {},
    problems: [],
  };
  const good: Omit<Report, 'advice'> = {
    ...{ version: '1', node: 'v24.0.0', v8: '13.6', platform: 'linux', arch: 'x64', cpu: 'x', cores: 4 },
    ...{
      totalBytes: 16e9,
      availableBytes: 8e9,
      limitBytes: undefined,
      addressSpaceBytes: undefined,
      backend,
      hub,
      options: [],
      engineFlags: [],
    },
  };

  test('none where all is well', () => expect(advise(good)).toEqual([]));

  const cases: [RegExp, object][] = [
    [/relaxed SIMD/, { backend: { ...backend, kernels: 'plain', features: { ...features, relaxedSimd: false } } }],
    [/has no SIMD/, { backend: { ...backend, kernels: undefined, features: { ...features, simd: false } } }],
    [/VNNI/, { v8: '12.4.254', backend: { ...backend, kernels: 'relaxed16' } }],
    [/4 of 64 cores may/, { cores: 64 }],
    [/8 of 12 cores are used/, { cores: 12, backend: { ...backend, cores: 12, threads: 8 } }],
    [/may take 2.0 GB of the machine's 16.0 GB/, { limitBytes: 2e9 }],
    [/memories of 2.1 GB/, { backend: { ...backend, memoryBytes: 2 ** 31 } }],
    [/'ulimit -v' allows 8.0 GB.*unlimited/, { addressSpaceBytes: 8e9, backend: { ...backend, memoryBytes: 0 } }],
    [/has 1.0 GB left/, { hub: { ...hub, freeBytes: 1e9 } }],
    [/Nothing is downloaded/, { hub: { ...hub, offline: true } }],
    [/that address/, { hub: { ...hub, problems: ['that address'] } }],
  ];
  test.each(cases)('%s', (wanted, change) => {
    const lines = advise({ ...good, ...change } as typeof good);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(wanted);
  });
});
