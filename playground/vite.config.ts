/** Builds the playground into dist/playground, a folder of static files whose addresses are relative: it works below any path. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  logLevel: 'warn',
  build: {
    outDir: fileURLToPath(new URL('../dist/playground', import.meta.url)),
    emptyOutDir: true,
    target: 'es2023',
    modulePreload: { polyfill: false }, // an inline script, which the policy of the page forbids
    chunkSizeWarningLimit: 1000,
  },
});
