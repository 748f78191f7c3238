/** Classifies failed requests: the reason, what to do, and whether to try again. */

export interface Failure {
  readonly reason: string;
  readonly advice: string;
  /** `unreachable`: no connection now; retried only if there was one before. `permanent`: never retried. */
  readonly kind: 'transient' | 'unreachable' | 'permanent';
}

/** System error codes for an unreachable network or host. */
const UNREACHABLE = new Set([
  ...['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA'],
  ...['ECONNREFUSED', 'EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL'],
]);

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET_ISSUER)/;

/** Classifies an error thrown by fetch. `proxy`: the address of the proxy in use, in a form that may be shown. */
export function failureOf(error: unknown, proxy: string | undefined): Failure {
  const chain = causesOf(error);
  const { message = String(error), code = '' } =
    chain.find(({ code }) => code && (UNREACHABLE.has(code) || CERTIFICATE.test(code))) ?? chain.at(-1) ?? {};
  const status = /Proxy response \((\d+)\)/.exec(chain.map(({ message }) => message).join(' '))?.[1];
  if (status !== undefined) return refusedByProxy(Number(status), proxy);
  if (chain.some(({ message }) => message?.includes('Proxy Authentication Required')))
    return refusedByProxy(407, proxy);
  if (message === 'bad port')
    return {
      reason: 'no client of the web uses this port',
      advice: 'It is reserved for another protocol: serve the hub at another port, such as 8080.',
      kind: 'permanent',
    };
  const through = proxy === undefined ? '' : ` (through the proxy ${proxy})`;
  const reason = `${message || code}${through}`;
  if (CERTIFICATE.test(code))
    return {
      reason,
      advice:
        'The certificate is not trusted: if a proxy or firewall puts its own in place, name its file of certificates in NODE_EXTRA_CA_CERTS.',
      kind: 'permanent',
    };
  if (!UNREACHABLE.has(code)) return { reason, advice: '', kind: 'transient' };
  const advice =
    proxy === undefined
      ? 'Is this machine offline, or behind a proxy (HTTPS_PROXY)?'
      : 'Is the proxy right (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY), and this machine online? NO_PROXY names hosts to reach without it.';
  return { reason, advice, kind: 'unreachable' };
}

function refusedByProxy(status: number, proxy = 'proxy'): Failure {
  const wants = 'It wants a name and password: give its address as http://name:password@host:port.';
  return {
    reason: `the proxy ${proxy} answered ${status}`,
    advice: status === 407 ? wants : 'It does not let this through: ask who runs it, or name the host in NO_PROXY.',
    kind: status >= 500 ? 'transient' : 'permanent',
  };
}

interface Cause {
  readonly message?: string;
  readonly code?: string;
}

function causesOf(error: unknown): Cause[] {
  const chain: Cause[] = [];
  for (let next = error; next instanceof Error && chain.length < 10; next = next.cause) chain.push(next);
  return chain;
}
