/**
 * Templates of tasks: Jinja as the harness sets it up (undefined names are errors, a line end at the end stays, the filter `regex_replace`), on the
 * Jinja of Hugging Face for JavaScript. Values become text as Python writes them.
 */
import * as jinja from '@huggingface/jinja';
import { quote, UsageError } from '../../base/errors.ts';
import { compareTexts, FILTERS, formatted, pythonEquals } from './python-filters.ts';
import { LIST_METHODS, TEXT_METHODS } from './python-methods.ts';
import { pythonRegex } from './python-regex.ts';
import { pythonStr } from './python-text.ts';
import type { Row } from './task-config.ts';

/** What this file uses of the interpreter, whose own types lead to files that compilers do not find. */
interface Value {
  readonly type: string;
  readonly value: unknown;
  toString: () => string;
}

interface Scope {
  readonly variables: Map<string, unknown>;
  set(name: string, value: unknown): Value;
}

/** A part of a template. */
interface Node {
  readonly type: string;
  readonly value: unknown;
  readonly callee: Node;
  readonly args: readonly Node[];
  readonly object: Node;
  readonly property: Node;
  readonly computed: boolean;
  readonly operand: Node;
  readonly filter: Node;
  readonly key: { readonly value: string };
  readonly operator: { readonly value: string };
  readonly left: Node;
  readonly right: Node;
}

/** In place of a part of a template: the value that it has. */
interface Held {
  readonly type: 'Held';
  readonly held: Value;
}

const { Environment, Interpreter, parse, tokenize } = jinja as unknown as {
  readonly Environment: new (parent?: Scope) => Scope;
  readonly Interpreter: new (
    scope: Scope,
  ) => {
    evaluate(part: Node | Held | undefined, scope: Scope): Value;
    evaluateBlock(parts: readonly Node[], scope: Scope): Value;
  };
  readonly parse: (tokens: unknown) => { readonly body: readonly Node[] };
  readonly tokenize: (source: string) => unknown;
};

const STATEMENTS = new Set([
  'If',
  'For',
  'Set',
  'Macro',
  'CallStatement',
  'FilterStatement',
  'Comment',
  'Break',
  'Continue',
]);

export interface Template {
  /** Throws UsageError when the row lacks what the template reads, or the template cannot be computed. */
  render(row: Row): string;
}

/** Parses a template. Throws UsageError when it is no Jinja. */
export function createTemplate(source: string): Template {
  const program = parsed(source);
  const names = namesIn(program);
  return {
    render(row) {
      const environment = new Environment(globals());
      environment.variables.delete('namespace');
      for (const name of names) if (Object.hasOwn(row, name)) environment.set(name, row[name] ?? null);
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
    return parse(tokenize(`${source.replaceAll('\r\n', '\n')}\n`)); // one line end is taken away
  } catch (error) {
    throw new UsageError(`the template ${quote(source, 200)} is no Jinja: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function globals(): Scope {
  const environment = new Environment();
  for (const [name, value] of [
    ['true', true],
    ['false', false],
    ['none', null],
    ['True', true],
    ['False', false],
    ['None', null],
  ] as const)
    environment.set(name, value);
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

function textOf(value: Value): string {
  if (value.type === 'UndefinedValue') return ''; // of `x if y` without `else`; names that are not there are errors before
  return value.type === 'FloatValue' ? value.toString() : pythonStr(plain(value));
}

/** A value of the interpreter as plain data. */
function plain(value: Value): unknown {
  const inner: unknown = value.value;
  if (Array.isArray(inner)) return inner.map((item) => plain(item as Value));
  if (inner instanceof Map) return Object.fromEntries([...inner].map(([key, item]) => [key, plain(item as Value)]));
  return inner;
}

function runtimeValue(data: unknown): Value {
  return new Environment().set('value', data);
}

/** Corrects what differs from Python: methods, filters, operators, texts of values, undefined names. */
class PythonInterpreter extends Interpreter {
  /** Above 0 where undefined names are allowed. */
  #lenient = 0;

  override evaluateBlock(parts: readonly Node[], environment: Scope): Value {
    const texts = parts.map((part) => {
      const value = this.evaluate(part, environment);
      return STATEMENTS.has(part.type) && value.type === 'NullValue' ? '' : textOf(value);
    });
    return runtimeValue(texts.join(''));
  }

  override evaluate(node: Node | Held | undefined, environment: Scope): Value {
    if (node && 'held' in node) return node.held;
    if (!node) return super.evaluate(node, environment);
    const isTest =
      node.type === 'TestExpression' || (node.type === 'FilterExpression' && filterName(node) === 'default');
    if (isTest) this.#lenient++;
    try {
      const value = this.#special(node, environment) ?? super.evaluate(node, environment);
      if (value.type === 'UndefinedValue' && this.#lenient === 0 && /^(?:Identifier|MemberExpression)$/.test(node.type))
        throw new UsageError(`'${nameOf(node)}' is undefined.`);
      if (['ArrayValue', 'TupleValue', 'ObjectValue', 'BooleanValue'].includes(value.type))
        value.toString = () => pythonStr(plain(value));
      return value;
    } finally {
      if (isTest) this.#lenient--;
    }
  }

  #special(node: Node, environment: Scope): Value | undefined {
    if (node.type === 'CallExpression' && node.callee.type === 'MemberExpression' && !node.callee.computed)
      return this.#method(node, environment);
    if (node.type === 'BinaryExpression') return this.#operation(node, environment);
    if (node.type !== 'FilterExpression') return undefined;
    const name = filterName(node);
    if (name === 'regex_replace') {
      const self = pythonStr(plain(this.evaluate(node.operand, environment)));
      const [pattern, replacement, count] = this.#arguments(node.filter, environment, ['pattern', 'repl', 'count']);
      return runtimeValue(replaced(self, String(pattern), String(replacement), Number(count ?? 0)));
    }
    if (typeof name === 'string' && Object.hasOwn(FILTERS, name)) {
      const { names, of } = FILTERS[name] as (typeof FILTERS)[string];
      const self = this.evaluate(node.operand, environment);
      if (name === 'string') return runtimeValue(textOf(self));
      return runtimeValue(of(plain(self), this.#arguments(node.filter, environment, names)));
    }
    if (typeof name !== 'string' || !/^(?:length|trim|capitalize|title)$/.test(name)) return undefined;
    const operand = this.evaluate(node.operand, environment);
    if (operand.type !== 'StringValue') return undefined;
    const self = operand.value as string;
    if (name === 'length') return runtimeValue([...self].length);
    return runtimeValue(
      TEXT_METHODS[name === 'trim' ? 'strip' : name]?.(self, this.#arguments(node.filter, environment)),
    );
  }

  #operation(node: Node, environment: Scope): Value | undefined {
    const operator = node.operator.value;
    if (operator === 'and' || operator === 'or') return undefined; // the right side may not be computed
    const [left, right] = [this.evaluate(node.left, environment), this.evaluate(node.right, environment)];
    const isText = left.type === 'StringValue';
    const areTexts = isText && right.type === 'StringValue';
    const [a, b] = [plain(left), plain(right)];
    switch (operator) {
      case '==':
        return runtimeValue(pythonEquals(a, b));
      case '!=':
        return runtimeValue(!pythonEquals(a, b));
      case '~':
        return runtimeValue(textOf(left) + textOf(right));
      case '+':
        if (isText !== (right.type === 'StringValue'))
          throw new UsageError(`a text and ${quote(isText ? b : a)} cannot be added; '~' joins them as texts.`);
        break;
      case '*':
        if (typeof b === 'number' && isText) return runtimeValue((a as string).repeat(Math.max(0, b)));
        break;
      case '%':
        if (isText) return runtimeValue(formatted(a as string, right.type === 'TupleValue' ? (b as unknown[]) : [b]));
        if (left.type === 'IntegerValue' && right.type === 'IntegerValue' && b !== 0)
          return runtimeValue((((a as number) % (b as number)) + (b as number)) % (b as number));
        break;
      case '<':
      case '<=':
      case '>':
      case '>=':
        if (areTexts) return runtimeValue(orderHolds(operator, compareTexts(a as string, b as string)));
    }
    const held = { left: { type: 'Held', held: left }, right: { type: 'Held', held: right } } as const;
    return super.evaluate({ ...node, ...held } as unknown as Node, environment);
  }

  #method(node: Node, environment: Scope): Value | undefined {
    const { callee } = node;
    const name = String(callee.property.value);
    if (!Object.hasOwn(TEXT_METHODS, name) && !Object.hasOwn(LIST_METHODS, name)) return undefined;
    const self = this.evaluate(callee.object, environment);
    const args = () => this.#arguments(node, environment, ['sep', 'maxsplit']);
    if (self.type === 'StringValue') {
      const method = Object.hasOwn(TEXT_METHODS, name) ? TEXT_METHODS[name] : undefined;
      return method && runtimeValue(method(self.value as string, args()));
    }
    if (self.type !== 'ArrayValue' && self.type !== 'TupleValue') return undefined;
    const method = Object.hasOwn(LIST_METHODS, name) ? LIST_METHODS[name] : undefined;
    return method && runtimeValue(method(plain(self) as unknown[], args()));
  }

  /** Arguments by place; `keywords`: the names of the places. */
  #arguments(call: Node, environment: Scope, keywords: readonly string[] = []): unknown[] {
    const values: unknown[] = [];
    for (const argument of call.args ?? []) {
      const keyword = argument.type === 'KeywordArgumentExpression' ? argument.key.value : undefined;
      if (keyword === undefined) values.push(plain(this.evaluate(argument, environment)));
      else {
        const place = keywords.indexOf(keyword);
        if (place < 0) throw new UsageError(`the argument '${keyword}' is not known here.`);
        values[place] = plain(this.evaluate(argument.value as Node, environment));
      }
    }
    return values;
  }
}

function orderHolds(operator: '<' | '<=' | '>' | '>=', order: number): boolean {
  if (order === 0) return operator.endsWith('=');
  return operator.startsWith('<') === order < 0;
}

const filterName = ({ filter }: Node): unknown =>
  filter.type === 'CallExpression' ? filter.callee.value : filter.value;

const nameOf = (node: Node): string =>
  node.type === 'Identifier' || !node.object
    ? String(node.value)
    : `${nameOf(node.object)}${node.computed ? `[${String(node.property.value ?? '…')}]` : `.${String(node.property.value)}`}`;

/** Python's `re.sub`; `count` 0 replaces all. */
function replaced(text: string, pattern: string, replacement: string, count: number): string {
  const js = replacement
    .replaceAll('$', '$$$$')
    .replace(/\\(?:g<(\w+)>|(\d{1,2}))/g, (_, name?: string, number?: string) =>
      name !== undefined && !/^\d+$/.test(name) ? `$<${name}>` : `$${name ?? number}`,
    );
  let left = count > 0 ? count : Number.POSITIVE_INFINITY;
  const regex = pythonRegex(pattern);
  return text.replace(regex, (match) => (left-- > 0 ? match.replace(pythonRegex(pattern), js) : match));
}
