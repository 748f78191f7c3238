/** Options of the programs that compare, here and in the folders beside, and their checks. What is wrong ends the program with exit code 2. */
import { parseArgs } from 'node:util';

export function fail(message) {
  process.stderr.write(`compare: ${message}\n`);
  process.exit(2);
}

/** What the command line gives for these options. */
export function parsed(options) {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    const known = Object.keys(options).map((name) => `--${name}`);
    return fail(`${error.message.replace(/\.?$/, '.')} Known options are ${known.join(', ')}.`);
  }
}

/** `values`: what parsed() gave for each option, text or undefined. */
export function checksOf(values) {
  const itemsOf = (option) => (values[option] ?? '').split(',').filter(Boolean);

  /** Names with commas between them, of which at least one is wanted unless `optional`. */
  function names(option, known, { optional = false } = {}) {
    const items = itemsOf(option);
    const strange = items.find((item) => !known.includes(item));
    if (strange) fail(`--${option}: there is no '${strange}'; known are ${known.join(', ')}.`);
    if (items.length === 0 && !optional) fail(`--${option} is empty; known are ${known.join(', ')}.`);
    return items;
  }

  /** Whole numbers with commas between them. */
  function numbers(option, { least = 1 } = {}) {
    const items = itemsOf(option).map(Number);
    if (items.every((item) => Number.isInteger(item) && item >= least)) return items;
    return fail(`--${option} came as '${values[option]}', wanted whole numbers from ${least} on.`);
  }

  /** A whole number, or undefined when the option was not given. */
  function number(option, { least = 1 } = {}) {
    if (values[option] === undefined) return undefined;
    const [value, ...more] = numbers(option, { least });
    if (value !== undefined && more.length === 0) return value;
    return fail(`--${option} came as '${values[option]}', wanted a whole number from ${least} on.`);
  }

  return { names, numbers, number };
}
