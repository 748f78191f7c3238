/**
 * Templates of tasks: Jinja as the harness sets it up (undefined names are errors, a line end at the end stays, the filter `regex_replace`), on the
 * Jinja of Hugging Face for JavaScript. Values become text as Python writes them.
 */
import { quote, UsageError } from '../../base/errors.ts';
import { PythonInterpreter } from './jinja/interpreter.ts';
import { Environment, type Node, type Scope } from './jinja/library.ts';
import { parsedTemplate } from './jinja/parse.ts';
import { runtimeValue } from './jinja/values.ts';
import type { Row } from './task-config.ts';

export interface Template {
  /** Throws UsageError when the row lacks what the template reads, or the template cannot be computed. */
  render(row: Row): string;
}

/** Parses a template. Throws UsageError when it is no Jinja. */
export function createTemplate(source: string): Template {
  const program = parsed(source);
  const names = namesIn(program).filter((name) => !CONSTANTS.has(name));
  return {
    render(row) {
      const environment = new Environment(globals());
      environment.variables.delete('namespace');
      for (const name of names)
        if (Object.hasOwn(row, name)) environment.variables.set(name, runtimeValue(row[name] ?? null));
      const interpreter = new PythonInterpreter(environment);
      try {
        return interpreter.evaluateBlock(program.body, environment).value as string;
      } catch (error) {
        throw new UsageError(
          `the template ${quote(source, 200)} cannot be filled from a row with the columns ${Object.keys(row).join(', ')}: ${(error as Error).message}`,
          { cause: error },
        );
      }
    },
  };
}

function parsed(source: string): { readonly body: readonly Node[] } {
  try {
    return parsedTemplate(source);
  } catch (error) {
    throw new UsageError(`the template ${quote(source, 200)} is no Jinja: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Words of Jinja, which a column of the same name does not replace. */
const CONSTANTS: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['false', false],
  ['none', null],
  ['True', true],
  ['False', false],
  ['None', null],
]);

function globals(): Scope {
  const environment = new Environment();
  for (const [name, value] of CONSTANTS) environment.set(name, value);
  environment.set('range', (...args: number[]) => {
    const [start, stop] = args.length > 1 ? (args as [number, number]) : [0, args[0] as number];
    const step = args[2] ?? 1;
    return Array.from({ length: Math.max(0, Math.ceil((stop - start) / step)) }, (_, i) => start + i * step);
  });
  return environment;
}

/** The identifiers of a template: only these are taken from a row. */
function namesIn(program: unknown): string[] {
  const names = new Set<string>();
  const visit = (node: unknown): void => {
    if (node instanceof Map) for (const entry of node) visit(entry);
    else if (Array.isArray(node)) node.forEach(visit);
    else if (typeof node === 'object' && node !== null) {
      const { type, value } = node as Node;
      if (type === 'Identifier' && typeof value === 'string') names.add(value);
      Object.values(node).forEach(visit);
    }
  };
  visit(program);
  return [...names];
}
