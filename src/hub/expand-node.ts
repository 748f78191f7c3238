/**
 * `~`, `~user`, `$NAME` and `${NAME}` in paths, as Python's os.path.expanduser and then os.path.expandvars replace them: what is not known
 * stays as it is, and what comes in is not looked at again. https://docs.python.org/3/library/os.path.html
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';

type Variables = Readonly<Record<string, string | undefined>>;

export function expand(path: string, env: Variables = process.env, passwords = '/etc/passwd'): string {
  return expandVariables(expandUser(path, env, passwords), env);
}

function expandUser(path: string, env: Variables, passwords: string): string {
  const [start = '', user = ''] = /^~([^/\\]*)/.exec(path) ?? [];
  if (start === '') return path;
  const folder = user === '' ? (env.HOME ?? homedir()) : homeOf(user, passwords);
  if (folder === undefined) return path;
  return folder.replace(/[/\\]+$/, '') + path.slice(start.length) || '/';
}

/** The home of another user; undefined when there is no such user, or the system has no such list. */
function homeOf(user: string, passwords: string): string | undefined {
  try {
    const lines = readFileSync(passwords, 'utf8').split('\n');
    // root:x:0:0:root:/root:/bin/bash
    return lines.map((line) => line.split(':')).find(([name]) => name === user)?.[5];
  } catch {
    return undefined;
  }
}

function expandVariables(path: string, env: Variables): string {
  const value = (written: string, name: string | undefined) => (name === undefined ? written : (env[name] ?? written));
  const posix = path.replace(/\$(?:(\w+)|\{([^}]*)\})/g, (written, plain, braced) => value(written, plain ?? braced));
  return process.platform === 'win32' ? posix.replace(/%([^%]+)%/g, (written, name) => value(written, name)) : posix;
}
