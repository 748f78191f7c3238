/**
 * Proxies from environment variables, by the rules of Python's urllib and of curl: `https_proxy`, `http_proxy` and `all_proxy` (lower case
 * takes precedence), and `no_proxy` for hosts that are reached directly. Node's own fetch ignores them before Node 24.
 */
import { BlockList, isIP } from 'node:net';
import { UsageError } from '../base/errors.ts';
import { type Environment, publicPart } from './environment-node.ts';

export type Fetch = typeof fetch;

/** The address of the proxy for requests to `url`; undefined when there is none. Throws UsageError when it is not an address. */
export function proxyFor(url: URL, env: Environment = process.env): URL | undefined {
  const found = proxyVariable(url, env);
  if (!found || isExempt(url, of('no_proxy', env) ?? '')) return undefined;
  const { name, value } = found;
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  const proxy = URL.canParse(text) ? new URL(text.replace(/^socks5h:/i, 'socks5:')) : undefined;
  if (proxy?.hostname && /^(?:https?|socks5):$/.test(proxy.protocol)) return proxy;
  throw new UsageError(
    `${name} is '${publicPart(text)}', wanted the address of a proxy such as http://proxy.example:3128 (http, https or socks5).`,
  );
}

/** fetch through the proxy for this address. */
export async function fetchFor(url: URL, env: Environment = process.env): Promise<Fetch> {
  const proxy = proxyFor(url, env);
  return proxy ? proxied(proxy) : fetch;
}

const made = new Map<string, Promise<Fetch>>();

function proxied(proxy: URL): Promise<Fetch> {
  const known = made.get(proxy.href);
  if (known) return known;
  const fresh = make(proxy);
  made.set(proxy.href, fresh);
  return fresh;
}

/** Loads undici, only when there is a proxy. Its own fetch is used because an agent works only with the fetch of its own version. */
async function make(proxy: URL): Promise<Fetch> {
  const { ProxyAgent, fetch: send } = await loadUndici();
  const { username, password } = proxy;
  const plain = new URL(proxy);
  const isHttp = proxy.protocol !== 'socks5:';
  if (isHttp) plain.username = plain.password = '';
  const dispatcher = new ProxyAgent({
    uri: plain.href,
    proxyTunnel: false, // many proxies allow CONNECT to port 443 only; https goes through a tunnel in any case
    ...(isHttp && username ? { token: `Basic ${Buffer.from(decoded(username, password)).toString('base64')}` } : {}),
  });
  type Init = Parameters<typeof send>[1];
  // The same interface, declared twice: by this package and by Node.
  return ((input: URL, init: Init) => send(input, { ...init, dispatcher })) as unknown as Fetch;
}

/** Throws UsageError when undici cannot be loaded, as in a bundled ES module. */
async function loadUndici(): Promise<typeof import('undici')> {
  try {
    return await import('undici');
  } catch (error) {
    throw new UsageError(
      `the package undici, which requests through a proxy need, does not load: ${(error as Error).message}. If this program is a bundle, ` +
        'leave undici out of it (esbuild: --external:undici) and install it beside the bundle; NO_PROXY names hosts to reach without a proxy.',
      { cause: error },
    );
  }
}

const decoded = (...parts: string[]): string =>
  parts
    .map((part) => {
      try {
        return decodeURIComponent(part);
      } catch {
        return part;
      }
    })
    .join(':');

function proxyVariable({ protocol }: URL, env: Environment): { name: string; value: string } | undefined {
  for (const name of [`${protocol.slice(0, -1)}_proxy`, 'all_proxy']) {
    const value = of(name, env);
    if (value !== undefined) return value ? { name: name.toUpperCase(), value } : undefined; // an empty one means none
  }
  return undefined;
}

function of(name: string, env: Environment): string | undefined {
  // A web server hands the header `Proxy` of a request to its CGI programs as HTTP_PROXY.
  const upper = name === 'http_proxy' && env.REQUEST_METHOD !== undefined ? undefined : env[name.toUpperCase()];
  return (env[name] ?? upper)?.trim();
}

/** Is this host in `no_proxy`: `*`, a host with its subdomains, an address, or a range such as 10.0.0.0/8, each with or without a port? */
function isExempt({ hostname, port, protocol }: URL, list: string): boolean {
  const host = bare(hostname);
  const ownPort = port || (protocol === 'https:' ? '443' : '80');
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const [, name = '', wantedPort = ownPort] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(entry) ?? [undefined, entry];
      if (wantedPort !== ownPort) return false;
      const wanted = bare(name.replace(/^\*?\./, ''));
      return isIP(host) > 0 ? isAddressIn(host, wanted) : host === wanted || host.endsWith(`.${wanted}`);
    });
}

function isAddressIn(address: string, wanted: string): boolean {
  const [start = '', bits] = wanted.split('/');
  const family = isIP(start);
  if (family === 0 || family !== isIP(address)) return false;
  const type = family === 6 ? 'ipv6' : 'ipv4';
  const most = family === 6 ? 128 : 32;
  const prefix = bits === undefined ? most : Number(bits);
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > most) return false;
  const range = new BlockList();
  range.addSubnet(start, prefix, type);
  return range.check(address, type);
}

/** Without the brackets of an IPv6 address and the dot that may end a host. */
const bare = (host: string): string => host.replace(/^\[|\]$/g, '').replace(/\.$/, '');
