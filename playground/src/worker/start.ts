/** Starts the worker in which the page's models compute. */
import { begin, type Ended } from '../../../src/worker/begin.ts';
import type { Remote } from '../../../src/worker/index.ts';

export type PageLibrary = Remote<typeof import('./library.ts')> & Ended;

export const startLibrary = (): Promise<PageLibrary> =>
  begin(() => new Worker(new URL('./script.ts', import.meta.url), { type: 'module' }));
