/** The version of this library, from package.json: two folders above in the sources, three in what is built. */
import { readFileSync } from 'node:fs';

export function libraryVersion(): string {
  for (const place of ['../../package.json', '../../../package.json']) {
    try {
      const json = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8')) as { version?: string };
      if (json.version !== undefined) return json.version;
    } catch {
      // the other place
    }
  }
  return 'unknown';
}
