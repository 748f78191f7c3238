/** The backends of tests/backends.ts that have kernels for everything that training uses. */
import { vocabulary } from '../../src/ops/index.ts';
import { backends, casesByBackend } from '../backends.ts';

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

/** Each backend with its part of the cases, as casesByBackend divides them; a backend alone has all. */
export async function trainingCases<T>(cases: readonly T[]): Promise<(readonly [...Entry, readonly T[]])[]> {
  const able = await trainingBackends();
  if (able.length === 1) return able.map(([name, create]) => [name, create, cases]);
  return casesByBackend(cases).filter(([name]) => able.some(([other]) => other === name));
}
