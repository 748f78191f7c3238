/** Builds the playground into dist/playground, a folder of static files whose addresses are relative: it works below any path. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { filesListed, SERVICE_WORKER } from './list-files.ts';

const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const outDir = pathOf('../dist/playground');

export default defineConfig({
  root: pathOf('.'),
  base: './',
  logLevel: 'warn',
  plugins: [filesListed(outDir)],
  resolve: { alias: { 'd3-geo': pathOf('src/no-maps.ts') } }, // 8 kB compressed
  worker: { format: 'es' }, // in parts, of which the threads load the first only
  build: {
    outDir,
    emptyOutDir: true,
    target: 'es2023',
    modulePreload: { polyfill: false }, // an inline script, which the policy of the page forbids
    chunkSizeWarningLimit: 1000,
    rolldownOptions: {
      input: { index: pathOf('index.html'), worker: pathOf('src/offline/service-worker.ts') },
      output: {
        // In the top folder, since it answers for the folder in which it lies.
        entryFileNames: ({ name }) => (name === 'worker' ? SERVICE_WORKER : 'assets/[name]-[hash].js'),
      },
    },
  },
});
