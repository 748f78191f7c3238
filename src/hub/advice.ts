/** Advice on error responses of the hub. The codes are those of the hub's `X-Error-Code` header. */

export interface Asked {
  readonly repo: string;
  readonly revision: string;
  readonly file?: string | undefined;
  readonly endpoint: string;
  readonly hasToken: boolean;
  /** In browsers, which have no environment: the token is an option. */
  readonly isPage?: boolean;
}

/** One or two sentences: what the response means, and what to do. */
export function adviceFor(status: number, code: string | null, asked: Asked): string {
  const { repo, revision, file, endpoint, hasToken } = asked;
  const page = `${endpoint}/${repo}`;
  const set = asked.isPage ? 'give as hub.token' : 'set HF_TOKEN to';
  if (code === 'GatedRepo' || (status === 403 && code === null)) {
    const token = hasToken ? 'check that the token in use may read it' : `${set} a token of that account`;
    return `Access to ${repo} is granted by its authors: accept the licence at ${page}, then ${token}.`;
  }
  if (code === 'RevisionNotFound') return `${repo} has no revision '${revision}': see ${page}/tree/main.`;
  if (code === 'EntryNotFound')
    return `${repo} has no file '${file}' at revision '${revision}': see ${page}/tree/main.`;
  if (status === 401 || code === 'RepoNotFound') {
    const token = hasToken
      ? `the token in use is not valid for it: make another at the hub, and ${set} that`
      : `${set} a token that may read it`;
    return `There is no ${repo}, or it is private: check the name at ${page}; if it is private, ${token}.`;
  }
  if (status === 404)
    return `There is no such file, revision or model: check ${page}, '${revision}'${file ? ` and '${file}'` : ''}.`;
  if (status === 403) return `The hub denies access to ${repo}: see ${page}.`;
  if (status === 407) return 'It wants a name and password: give its address as http://name:password@host:port.';
  if (status === 429)
    return 'The hub wants fewer requests: wait a few minutes; with a token (HF_TOKEN, hub.token), the limits are higher.';
  if (status >= 500) return 'The hub has trouble: try again later; what has arrived is kept.';
  return `Check that ${endpoint} is a hub (HF_ENDPOINT) and that ${page} exists.`;
}
