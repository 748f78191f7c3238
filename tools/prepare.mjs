/**
 * What npm runs after an installation in a clone, and before it packs: the build. Where TypeScript is not installed (`npx portmanteau` in a
 * fresh clone, `npm ci --omit=dev`) nothing can be built, and a failure would leave a broken folder in npx's cache; bin/portmanteau.js then says
 * what to do.
 */
import { existsSync } from 'node:fs';

if (existsSync('node_modules/typescript')) await import('./build.mjs');
else
  console.error('portmanteau: not built, because its development packages are not installed (npm ci installs them).');
