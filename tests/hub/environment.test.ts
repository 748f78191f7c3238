// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are what is tested
/** Paths of the cache and the token, as Python expands them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cacheDirectory, hubToken } from '../../src/hub/environment-node.ts';
import { expand } from '../../src/hub/expand-node.ts';
import { scratch } from './scratch.ts';

const folder = scratch();

/** What os.path.expandvars(os.path.expanduser(path)) of Python 3 gives with this environment and these users. */
const env = { HOME: '/home/me', A: '/a', B: '$A', U: '~', E: '' };
const USERS = 'root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n';
const PYTHON: readonly (readonly [string, string])[] = [
  ['~', '/home/me'],
  ['~/x', '/home/me/x'],
  ['~root', '/root'],
  ['~root/x', '/root/x'],
  ['~nosuch/x', '~nosuch/x'],
  ['x/~', 'x/~'],
  ['$A/x', '/a/x'],
  ['${A}/x', '/a/x'],
  ['$A$A', '/a/a'],
  ['${NOPE}/x', '${NOPE}/x'],
  ['$NOPE/x', '$NOPE/x'],
  ['$AB', '$AB'],
  ['${A', '${A'],
  ['$', '$'],
  ['$$A', '$/a'],
  ['$B/x', '$A/x'],
  ['$U/x', '~/x'],
  ['~/$A', '/home/me//a'],
  ['$E/x', '/x'],
  ['a$A.b', 'a/a.b'],
  ['$A-b', '/a-b'],
  ['${A}b', '/ab'],
  ['${}', '${}'],
  ['~$A', '~/a'],
  ['~daemon', '/usr/sbin'],
  ['%A%', '%A%'],
  ['\\$A', '\\/a'],
  ['$é', '$é'],
];

test.skipIf(process.platform === 'win32')('paths are expanded as Python expands them', () => {
  const users = join(folder.path, 'passwd');
  writeFileSync(users, USERS);
  for (const [path, expanded] of PYTHON) expect([path, expand(path, env, users)]).toEqual([path, expanded]);
  expect(expand('~root/x', env, join(folder.path, 'nosuch'))).toBe('~root/x');
  expect(expand('~/x', {})).toBe(join(homedir(), 'x'));
});

test.skipIf(process.platform === 'win32')('the cache and the token lie where such a path leads', () => {
  const at = (more: object) => cacheDirectory({ HOME: '/home/me', USER: 'me', SCRATCH: '/scratch', ...more });
  expect(at({ HF_HOME: '$SCRATCH/${USER}/hf' })).toBe('/scratch/me/hf/hub');
  expect(at({ HF_HOME: '~/hf' })).toBe('/home/me/hf/hub');
  expect(at({ HF_HUB_CACHE: '$SCRATCH/c' })).toBe('/scratch/c');
  expect(at({ HUGGINGFACE_HUB_CACHE: '${SCRATCH}/c' })).toBe('/scratch/c');
  expect(at({ XDG_CACHE_HOME: '$SCRATCH' })).toBe('/scratch/huggingface/hub');
  expect(at({ HF_HOME: '$NOSUCH/x' })).toBe('$NOSUCH/x/hub');
  mkdirSync(join(folder.path, 'logged'));
  writeFileSync(join(folder.path, 'logged', 'token'), 'hf_a\n');
  expect(hubToken(undefined, { D: folder.path, HF_HOME: '$D/logged' })).toBe('hf_a');
  expect(hubToken(undefined, { D: folder.path, HF_TOKEN_PATH: '${D}/logged/token' })).toBe('hf_a');
});
