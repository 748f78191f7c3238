/** The script of the page's worker. */
import { serveLibrary } from '../../../src/worker/serve.ts';

serveLibrary(() => import('./library.ts'));
