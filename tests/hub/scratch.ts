/** A folder for one test, and an environment in which no variable of this machine's user matters. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, vi } from 'vitest';

const VARIABLES = [
  'HF_TOKEN HUGGING_FACE_HUB_TOKEN HF_TOKEN_PATH HF_ENDPOINT HF_HUB_OFFLINE TRANSFORMERS_OFFLINE',
  'HF_HUB_CACHE HUGGINGFACE_HUB_CACHE HF_HOME XDG_CACHE_HOME HF_HUB_DISABLE_SYMLINKS HF_HUB_DISABLE_IMPLICIT_TOKEN',
  'HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY http_proxy https_proxy all_proxy no_proxy',
].flatMap((line) => line.split(' '));

/** Called at the top of a test file; `.path` is the folder of the test that runs. */
export function scratch(): { readonly path: string } {
  const folder = { path: '' };
  beforeEach(() => {
    folder.path = mkdtempSync(join(tmpdir(), 'portmanteau-hub-'));
    for (const name of VARIABLES) vi.stubEnv(name, undefined);
    vi.stubEnv('HF_HOME', join(folder.path, 'home'));
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder.path, { recursive: true, force: true });
  });
  return folder;
}
