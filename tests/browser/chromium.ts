/** Finds an installed Chromium. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

export const howToInstall =
  'no Chromium was found: install one (`apt-get install chromium`, or `npx playwright-core install --with-deps chromium`), ' +
  'or say where it is with CHROMIUM_PATH';

/** Where it is; undefined when there is none. Throws when CHROMIUM_PATH names a file that is not there. */
export function findChromium(): string | undefined {
  const { CHROMIUM_PATH: given, PATH = '' } = process.env;
  if (given && !existsSync(given)) throw new Error(`CHROMIUM_PATH is ${given}, where there is no file`);
  const inPath = PATH.split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return [given, ...inPath, chromium.executablePath()].find((path) => path && existsSync(path));
}
