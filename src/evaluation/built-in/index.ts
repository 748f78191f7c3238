/** The tasks that are built in, as definitions with the keys of task files. */
import type { Definition } from '../tasks/catalogue.ts';
import { blimp } from './blimp.ts';
import { mmlu } from './mmlu.ts';
import { SAMPLES } from './samples.ts';
import { SENSES } from './senses.ts';
import { SINGLE } from './single.ts';

export const BUILT_IN = 'built in';

/** `mmluNewlines`: line ends after the descriptions of MMLU. */
export function builtInDefinitions(mmluNewlines: 1 | 2): Definition[] {
  return [...SINGLE, ...mmlu(mmluNewlines), ...blimp(), ...SENSES, ...SAMPLES].map((keys) => {
    const isGroup = 'group' in keys;
    return { name: String(isGroup ? keys.group : keys.task), kind: isGroup ? 'group' : 'task', keys, source: BUILT_IN };
  });
}
