/** The backends of tests/backends.ts that have kernels for everything that training uses. */
import { vocabulary } from '../../src/ops/index.ts';
import { backends } from '../backends.ts';

type Entry = (typeof backends)[number];

export async function trainingBackends(): Promise<Entry[]> {
  const able: Entry[] = [];
  for (const entry of backends) {
    const backend = await entry[1]();
    const lacks = vocabulary.some((op) => !('compose' in op) && !('view' in op) && !backend.has(op.name));
    await backend.dispose();
    if (!lacks) able.push(entry);
  }
  return able;
}
