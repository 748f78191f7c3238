/** Is a server of queues there? In a file of its own, whose published types are those of no optional package. */
import { connectQueue } from './connect-node.ts';

/** Throws UsageError when a package is missing, or no server is there, or it has no such database. */
export async function checkQueue(url: string): Promise<void> {
  (await connectQueue(url)).close();
}
