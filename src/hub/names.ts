/** Checks names from callers and servers that become part of a path or a URL. */
import { UsageError } from '../base/errors.ts';

/** The hub's rule: letters, digits, `_`, `-`, `.`; neither dot nor dash at an end. */
const PART = /^\w(?:[\w.-]*\w)?$/;
const MAX_PART = 96; // characters, as on the hub
const MAX_REVISION = 255; // of a file name on most disks

/** Is the text a hub id, `org/name`? */
export function isRepoId(text: string): boolean {
  const parts = text.split('/');
  return (
    parts.length === 2 &&
    parts.every((part) => part.length <= MAX_PART && PART.test(part)) &&
    !/--|\.\./.test(text) && // `--` stands for the slash in the cache
    !text.endsWith('.git')
  );
}

/** Can the text be one of the oldest ids, which have no organisation: `gpt2`? The hub redirects these to their present ids. */
export function isOldRepoId(text: string): boolean {
  return isRepoId(`org/${text}`);
}

/** Throws UsageError unless the text can be a branch, tag, commit or `refs/pr/1`, which becomes a path in `refs/`. */
export function checkRevision(text: string): void {
  const fits =
    /^[\w.@+=,#-]+(?:\/[\w.@+=,#-]+)*$/.test(text) && !text.includes('..') && !/(?:^|\/)\.(?:\/|$)/.test(text);
  if (!fits || text.length > MAX_REVISION)
    throw new UsageError(`'${text}' is no revision: wanted a branch, a tag, a commit, or a name such as refs/pr/1.`);
}

export function isCommit(text: unknown): text is string {
  return typeof text === 'string' && /^[0-9a-f]{40}$/.test(text);
}

/** Why a file name of a repository cannot be used as a path; undefined when it can. */
export function fileNameProblem(name: string): string | undefined {
  if (name === '') return 'it is empty';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(name)) return 'it has control characters';
  if (name.includes('\\')) return 'it has a backslash';
  if (name.startsWith('/') || /^[A-Za-z]:/.test(name)) return 'it is absolute';
  // Windows takes `...` and `.. ` for `..`.
  if (name.split('/').some((part) => /^[. ]*$/.test(part))) return 'it has an empty part or one of dots';
  return undefined;
}

/** The name of a blob: an ETag without `W/` and quotes. Undefined when this cannot be a file name. */
export function blobNameOf(etag: string | null | undefined): string | undefined {
  const name = etag?.replace(/^W\//, '').replace(/^"(.*)"$/, '$1');
  return name && /^\w[\w-]{0,199}$/.test(name) ? name : undefined;
}

/** `org/name` -> `models--org--name` */
export function folderOfRepo(id: string): string {
  return `models--${id.replaceAll('/', '--')}`;
}

/** `models--org--name` -> `org/name`; undefined for other names, such as data sets. */
export function repoOfFolder(folder: string): string | undefined {
  return folder.startsWith('models--') ? folder.slice('models--'.length).replaceAll('--', '/') : undefined;
}
