/**
 * Waits until a page has no workers. Threads are at rest before they are ended (tests/wasm/threads.test.ts), so that what takes time is the browser.
 */
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

export const noWorkers = (page: Page) => expect.poll(() => page.workers().length, { timeout: 20_000 }).toBe(0);
