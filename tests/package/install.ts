/** Installs packages of the registry for slow tests; they are skipped where there is none, but fail in CI. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';

/** Installs into a folder, without running what packages bring. False where that cannot be done. */
export function install(folder: string, packages: readonly string[]): boolean {
  mkdirSync(folder, { recursive: true });
  try {
    const args = ['install', '--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts', ...packages];
    execFileSync('npm', args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 240_000 });
    return true;
  } catch (error) {
    if (process.env.CI) throw error;
    console.warn(`skipped, for these cannot be installed: ${packages.join(', ')}`);
    return false;
  }
}
