/** The script of a worker that has the whole library, in one file without imports: import maps do not reach into workers. */
import { serveLibrary } from './serve.ts';

serveLibrary(() => import('../web.ts'));
