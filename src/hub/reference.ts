/**
 * Names of a model on the hub, as users write them: `org/name`, an old name without an organisation such as `gpt2`, either with
 * `@revision`, an address copied from a browser, an `hf://` URI of the Python tool (huggingface_hub, utils/_hf_uris.py), or the name of a
 * folder in its cache.
 */
import { UsageError } from '../base/errors.ts';
import { checkRevision, isOldRepoId, isRepoId, repoOfFolder } from './names.ts';

export interface HubReference {
  readonly repo: string;
  /** The revision in the text; undefined when there was none. */
  readonly revision: string | undefined;
}

/** Hosts of the hub, in addition to HF_ENDPOINT. */
const HOSTS = new Set(['huggingface.co', 'www.huggingface.co', 'hf.co', 'hub-ci.huggingface.co']);

/** Pages of a repository that show a file or a folder at a revision. */
const PAGES = new Set(['tree', 'blob', 'resolve', 'raw', 'blame']);

const NO_MODELS = new Set(['datasets', 'spaces', 'kernels', 'buckets', 'collections', 'papers', 'docs', 'settings']);

export const HUB = 'https://huggingface.co';

const WANTED = 'wanted org/name, org/name@revision, or an address such as https://huggingface.co/org/name';

/**
 * Parses a name; undefined when the text is not one, so that it may be a path. Throws UsageError, with what to write instead, for an
 * address of something other than a model on this hub.
 */
export function hubReference(text: string, endpoint = HUB): HubReference | undefined {
  const trimmed = text.trim();
  if (/^hf:\/\//i.test(trimmed)) return ofUri(text, trimmed.slice('hf://'.length));
  const path = pathOnHub(trimmed, endpoint);
  if (path !== undefined) return ofPath(text, path);
  const ssh = /^(?:ssh:\/\/)?git@(?:hf\.co|huggingface\.co)[:/](.+)$/i.exec(trimmed)?.[1];
  if (ssh !== undefined) return ofPath(text, ssh);
  const folder = repoOfFolder(trimmed.replace(/\/+$/, ''));
  if (folder !== undefined && isId(folder)) return { repo: folder, revision: undefined };
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed)) throw elsewhere(text);
  return ofId(trimmed);
}

/**
 * As hubReference, but undefined also for addresses: of folders on other servers, and of files on the hub; and for names without an
 * organisation.
 */
export function hubReferenceOrAddress(text: string): HubReference | undefined {
  const isAddress = /^[a-z][a-z0-9+.-]*:/i.test(text) && !/^hf:/i.test(text);
  if (isAddress && (pathOnHub(text, HUB) === undefined || /\/(?:resolve|raw)\//.test(text))) return undefined;
  const found = hubReference(text);
  return found && isRepoId(found.repo) ? found : undefined;
}

/** The address of a repository's files. */
export function filesAddress(repo: string, revision: string, endpoint = HUB): string {
  return `${endpoint}/${repo}/resolve/${encodeURIComponent(revision)}`;
}

/** Parses a name. Throws UsageError when it is not a model on the hub. */
export function requireReference(text: string, endpoint?: string): HubReference {
  const found = hubReference(text, endpoint);
  if (!found) throw new UsageError(`'${text}' is no hub id: ${WANTED}.`);
  return found;
}

/** The revision of a reference, or the one given as an option. Throws UsageError when there are two. */
export function oneRevision(text: string, named: string | undefined, given: string | undefined): string | undefined {
  if (named !== undefined && given !== undefined && named !== given)
    throw new UsageError(
      `'${text}' names the revision '${named}', and '${given}' was asked for: leave out one of the two.`,
    );
  return given ?? named;
}

const isId = (text: string): boolean => isRepoId(text) || isOldRepoId(text);

/** `org/name`, `org/name/`, `org/name@revision`; parts of letters, digits, '-', '_' and '.'. */
function ofId(text: string): HubReference | undefined {
  const [, id = '', revision] = /^([^@]+?)\/?(?:@(.+))?$/.exec(text) ?? [];
  if (!isId(id)) return undefined;
  if (revision !== undefined) checkRevision(revision);
  return { repo: id, revision };
}

/** [models/]org/name[@revision][/path] */
function ofUri(text: string, body: string): HubReference {
  const [, type, rest = body] = /^(models|datasets|spaces|kernels|buckets)\/(.*)$/i.exec(body) ?? [];
  if (type !== undefined && type.toLowerCase() !== 'models') throw noModel(text, type);
  const [, org, name = '', revision, path = ''] =
    /^([^/@]+)\/([^/@]+)(?:@(refs\/pr\/\d+|refs\/convert\/[\w.-]+|[^/]+))?(?:\/(.*))?$/.exec(rest) ?? [];
  const repo = org === undefined ? rest.replace(/\/$/, '') : `${org}/${name}`;
  return checked(text, repo, revision, path);
}

/** org/name[/tree/revision[/path]], as in the address of a page. */
function ofPath(text: string, path: string): HubReference {
  const parts = path.split('/').filter((part) => part !== '');
  if (parts[0] === 'api') parts.shift();
  if (parts[0] === 'models') parts.shift();
  const [first = ''] = parts;
  if (NO_MODELS.has(first)) throw noModel(text, first);
  const isPage = (i: number) => PAGES.has(parts[i] ?? '');
  const isOld = parts.length === 1 || (isPage(1) && !isPage(2)); // an organisation may have a model called `tree`
  const repo = parts.splice(0, isOld ? 1 : 2).join('/');
  const [page, ...rest] = parts;
  if (page === undefined) return checked(text, repo, undefined, '');
  if (page === 'commit' && rest.length === 1) return checked(text, repo, rest[0], '');
  if (!PAGES.has(page) || rest.length === 0)
    throw new UsageError(`'${text}' is a page of ${repo}, but no revision of it: write ${repo}, or ${repo}@REVISION.`);
  const joined = rest.join('/');
  const special = /^refs\/(?:pr\/\d+|convert\/[\w.-]+)(?=$|\/)/.exec(joined)?.[0];
  const revision = special ?? (rest[0] as string);
  return checked(text, repo, revision, joined.slice(revision.length + 1));
}

function checked(text: string, repo: string, revision: string | undefined, path: string): HubReference {
  const id = decoded(repo).replace(/\.git$/, '');
  if (!isId(id)) throw new UsageError(`'${text}' names no model: ${WANTED}.`);
  const named = revision === undefined ? undefined : decoded(revision);
  if (named !== undefined) checkRevision(named);
  const file = decoded(path).replace(/\/$/, '');
  const at = named === undefined || named === 'main' ? '' : `@${named}`;
  if (/\.(?:gguf|onnx|h5|msgpack|ckpt|pth?|mlmodel|tflite)$/i.test(file))
    throw new UsageError(
      `'${file}' is in a format that is not read here: write ${id}${at} for the *.safetensors or pytorch_model*.bin of ${id}, if it has some.`,
    );
  if (file.includes('/') || (file !== '' && !file.includes('.')))
    throw new UsageError(
      `'${text}' leads to the folder or file '${file}' inside of ${id}, but models are read from the top of a repository: write ${id}${at}, ` +
        'or download that folder and give its path.',
    );
  return { repo: id, revision: named };
}

/** The part after the host, if that is a hub: of an address with or without https://. */
function pathOnHub(text: string, endpoint: string): string | undefined {
  const hub = new URL(endpoint);
  const bare = /^([\w.-]+(?::\d+)?)\//.exec(text)?.[1]?.toLowerCase();
  const isBare = bare !== undefined && (HOSTS.has(bare) || (bare === hub.host && /[.:]/.test(bare)));
  const address = isBare ? `https://${text}` : text;
  if (!/^https?:\/\//i.test(address) || !URL.canParse(address)) return undefined;
  const url = new URL(address);
  if (url.host === hub.host) {
    const prefix = hub.pathname.replace(/\/$/, '');
    if (url.pathname === prefix || url.pathname.startsWith(`${prefix}/`)) return url.pathname.slice(prefix.length);
  }
  return HOSTS.has(url.hostname) ? url.pathname : undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const noModel = (text: string, type: string) =>
  new UsageError(`'${text}' is none of the hub's models, but of its ${type}: ${WANTED}.`);

function elsewhere(text: string): UsageError {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const origin = url && /^https?:$/.test(url.protocol) ? url.origin : undefined;
  const mirror = origin === undefined ? '' : ` If ${origin} is a mirror of the hub, set HF_ENDPOINT=${origin}.`;
  return new UsageError(
    `'${text.replace(/\/\/[^/@]*@/, '//')}' is not on the hub: ${WANTED}; from elsewhere, download the files and give their folder.${mirror}`,
  );
}
