/** Serves the playground: a page in which visitors run models in their browsers. */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { UsageError } from '../../base/errors.ts';
import { closeServer, listening, urlOf } from '../listening-node.ts';
import { type LocateOptions, locate } from '../locate-node.ts';
import { shippedFolder, shippedModelNames } from '../shipped-node.ts';
import { type OfferedModel, playgroundSite } from './site-node.ts';

export interface PlaygroundOptions extends LocateOptions {
  /** Folders, shipped models or hub ids that the page offers first; the shipped models follow. */
  readonly models?: readonly string[] | undefined;
  /** Default 127.0.0.1: only this machine can connect. */
  readonly host?: string | undefined;
  /** Default 8080. 0: one that is free. */
  readonly port?: number | undefined;
}

export interface RunningPlayground {
  readonly url: string;
  close(): Promise<void>;
}

/** Throws UsageError when a model does not exist, or where nothing can listen there. */
export async function servePlayground(options: PlaygroundOptions = {}): Promise<RunningPlayground> {
  const { models = [], host = '127.0.0.1', port = 8080, ...others } = options;
  const handle = playgroundSite(builtPlayground(), await offered(models, others));
  const { createAdaptorServer } = await import('@hono/node-server'); // so that only servers load it
  const server = createAdaptorServer({ fetch: handle });
  await listening(server, host, port);
  return { url: `${urlOf(server)}/`, close: () => closeServer(server) };
}

/** The folder of the built page. Throws UsageError where there is none. */
function builtPlayground(): string {
  const build = shippedFolder('dist/playground');
  if (build && existsSync(`${build}/index.html`)) return build;
  throw new UsageError('the page is not built; in a copy of the repository, run npm run build.');
}

async function offered(references: readonly string[], options: LocateOptions): Promise<OfferedModel[]> {
  const all = new Map<string, OfferedModel>();
  for (const reference of [...references, ...shippedModelNames()]) {
    const { folder, source } = await locate(reference, options);
    const name = source === 'local' ? basename(folder.name) : reference;
    if (!all.has(name)) all.set(name, { name, folder });
  }
  return [...all.values()];
}
