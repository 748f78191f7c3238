/** Serves the playground: a page in which visitors run models in their browsers. */
import { closeServer, listening, urlOf } from '../listening-node.ts';
import { builtPlayground, type OfferOptions, offered } from './offered-node.ts';
import { playgroundSite } from './site-node.ts';

export interface PlaygroundOptions extends OfferOptions {
  /** Default 127.0.0.1: only this machine can connect. */
  readonly host?: string | undefined;
  /** Default 8080. 0: one that is free. */
  readonly port?: number | undefined;
}

export interface RunningPlayground {
  readonly url: string;
  close(): Promise<void>;
}

/** Throws UsageError when a model does not exist, when two have one name, or where nothing can listen there. */
export async function servePlayground(options: PlaygroundOptions = {}): Promise<RunningPlayground> {
  const { host = '127.0.0.1', port = 8080, ...others } = options;
  const handle = playgroundSite(builtPlayground(), await offered(others));
  const { createAdaptorServer } = await import('@hono/node-server'); // so that only servers load it
  const server = createAdaptorServer({ fetch: handle });
  await listening(server, host, port);
  return { url: `${urlOf(server)}/`, close: () => closeServer(server) };
}
