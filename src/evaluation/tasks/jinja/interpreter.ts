/** The interpreter of the library, corrected where it differs from Python: methods, filters, tests, operators, texts of values, undefined names. */
import { UsageError } from '../../../base/errors.ts';
import { LIST_METHODS, TEXT_METHODS } from '../python-methods.ts';
import { pythonBool } from '../python-order.ts';
import { type Arguments, byPlace, filtered } from './filters.ts';
import { type Held, Interpreter, type Node, type Scope, type Value } from './library.ts';
import { operation } from './operators.ts';
import { takesUndefined, testHolds } from './predicates.ts';
import { listValue, plain, recordValue, runtimeValue, textOf } from './values.ts';

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

/** Parts that may be undefined, which is an error where it is not asked for. */
const MAY_LACK = new Set(['Identifier', 'MemberExpression', 'FilterExpression']);

const isDefault = (name: string): boolean => name === 'default' || name === 'd';

export class PythonInterpreter extends Interpreter {
  /** Above 0 where undefined names are allowed. */
  #lenient = 0;

  override evaluateBlock(parts: readonly Node[], scope: Scope): Value {
    const texts = parts.map((part) => {
      const value = this.evaluate(part, scope);
      return STATEMENTS.has(part.type) && value.type === 'NullValue' ? '' : textOf(value);
    });
    return runtimeValue(texts.join(''));
  }

  override evaluate(node: Node | Held | undefined, scope: Scope): Value {
    if (node && 'held' in node) return node.held;
    if (!node) return super.evaluate(node, scope);
    const value = this.#special(node, scope) ?? super.evaluate(node, scope);
    if (value.type === 'UndefinedValue' && this.#lenient === 0 && MAY_LACK.has(node.type))
      throw new UsageError(`'${nameOf(node)}' is undefined.`);
    return value;
  }

  #special(node: Node, scope: Scope): Value | undefined {
    switch (node.type) {
      case 'CallExpression':
        return node.callee.type === 'MemberExpression' && !node.callee.computed ? this.#method(node, scope) : undefined;
      case 'BinaryExpression':
        return this.#operation(node, scope);
      case 'FilterExpression':
        return this.#filter(node, scope);
      case 'FilterStatement':
        return this.#filter({ ...node, operand: held(this.evaluateBlock(node.body, scope)) }, scope);
      case 'TestExpression': {
        const name = String(node.test.value);
        const isTrue = testHolds(name, plain(this.#operand(node, takesUndefined(name), scope)), []);
        return runtimeValue(isTrue !== node.negate);
      }
      case 'For':
        return this.#loop(node, scope);
      case 'MemberExpression':
        return node.computed && node.property.type !== 'SliceExpression' ? this.#member(node, scope) : undefined;
      case 'ObjectLiteral': {
        const entries = [...(node.value as ReadonlyMap<Node, Node>)];
        return recordValue(
          new Map(entries.map(([key, value]) => [this.evaluate(key, scope).value, this.evaluate(value, scope)])),
        );
      }
      default:
        return undefined;
    }
  }

  /** `isLenient`: it may be undefined. */
  #operand({ operand }: Node, isLenient: boolean, scope: Scope): Value {
    if (isLenient) this.#lenient++;
    try {
      return this.evaluate(operand, scope);
    } finally {
      if (isLenient) this.#lenient--;
    }
  }

  #filter(node: Node, scope: Scope): Value {
    const { filter } = node;
    const name = String(filter.type === 'CallExpression' ? filter.callee.value : filter.value);
    const operand = this.#operand(node, isDefault(name), scope);
    if (name === 'safe') return operand;
    const args = this.#arguments(filter, scope);
    const self = plain(operand);
    if (isDefault(name)) {
      const [otherwise = '', ifEmpty] = byPlace(args, ['default_value', 'boolean']);
      const isThere = self !== undefined && !(pythonBool(ifEmpty) && !pythonBool(self));
      return isThere ? operand : runtimeValue(otherwise);
    }
    const [, not, test] = /^is (not )?(.+)$/.exec(name) ?? [];
    if (test !== undefined) return runtimeValue(testHolds(test, self, args.list) !== (not !== undefined));
    return runtimeValue(filtered(name, self, args));
  }

  #operation(node: Node, scope: Scope): Value | undefined {
    const operator = node.operator.value;
    if (operator === 'and' || operator === 'or') return undefined; // the right side may not be computed
    const [left, right] = [this.evaluate(node.left, scope), this.evaluate(node.right, scope)];
    if (operator === '~') return runtimeValue(textOf(left) + textOf(right));
    return runtimeValue(operation(operator, plain(left), plain(right)));
  }

  /** Loops go over the characters of a text too, and take tuples apart as lists. */
  #loop(node: Node, scope: Scope): Value | undefined {
    const isFiltered = node.iterable.type === 'SelectExpression';
    const values = this.evaluate(isFiltered ? node.iterable.lhs : node.iterable, scope);
    const iterable = held(loopValues(values));
    return super.evaluate({ ...node, iterable: isFiltered ? { ...node.iterable, lhs: iterable } : iterable }, scope);
  }

  /** `of[x]`: characters are code points, True is 1, and dictionaries that a template writes may have numbers as keys. */
  #member(node: Node, scope: Scope): Value | undefined {
    const [object, property] = [this.evaluate(node.object, scope), this.evaluate(node.property, scope)];
    const place = plain(property);
    const isPlace = typeof place === 'boolean' || (typeof place === 'number' && Number.isInteger(place));
    if (object.type === 'StringValue' && isPlace) return runtimeValue([...(object.value as string)].at(Number(place)));
    if (object.type === 'ObjectValue' && typeof place !== 'string')
      return (object.value as ReadonlyMap<unknown, Value>).get(place) ?? runtimeValue(undefined);
    const index = typeof place === 'boolean' ? runtimeValue(Number(place)) : property;
    return super.evaluate({ ...node, object: held(object), property: held(index) }, scope);
  }

  #method(node: Node, scope: Scope): Value | undefined {
    const { callee } = node;
    const name = String(callee.property.value);
    if (!Object.hasOwn(TEXT_METHODS, name) && !Object.hasOwn(LIST_METHODS, name) && name !== 'items') return undefined;
    const self = this.evaluate(callee.object, scope);
    if (name === 'items')
      return self.type === 'ObjectValue' ? runtimeValue(filtered(name, plain(self), NONE)) : undefined;
    const args = () => byPlace(this.#arguments(node, scope), METHOD_ARGUMENTS);
    if (self.type === 'StringValue') {
      const method = Object.hasOwn(TEXT_METHODS, name) ? TEXT_METHODS[name] : undefined;
      return method && runtimeValue(method(self.value as string, args()));
    }
    if (self.type !== 'ArrayValue' && self.type !== 'TupleValue') return undefined;
    const method = Object.hasOwn(LIST_METHODS, name) ? LIST_METHODS[name] : undefined;
    return method && runtimeValue(method(plain(self) as unknown[], args()));
  }

  #arguments(call: Node, scope: Scope): Arguments {
    const list: unknown[] = [];
    const named: Record<string, unknown> = {};
    for (const argument of call.args ?? []) {
      if (argument.type === 'SpreadExpression' || argument.type === 'KeywordSpreadExpression')
        throw new UsageError("'*' before arguments is not supported in templates.");
      if (argument.type === 'KeywordArgumentExpression')
        named[argument.key.value] = plain(this.evaluate(argument.value as Node, scope));
      else list.push(plain(this.evaluate(argument, scope)));
    }
    return { list, named };
  }
}

const NONE: Arguments = { list: [], named: {} };

/** Names of arguments of `split` and its like. */
const METHOD_ARGUMENTS = ['sep', 'maxsplit', '', ''];

const held = (value: Value): Node => ({ type: 'Held', held: value }) as unknown as Node;

function loopValues(value: Value): Value {
  if (value.type === 'StringValue') return listValue([...(value.value as string)].map(runtimeValue));
  if (value.type !== 'ArrayValue' && value.type !== 'TupleValue') return value;
  const values = value.value as readonly Value[];
  return listValue(values.map((one) => (one.type === 'TupleValue' ? listValue(one.value as readonly Value[]) : one)));
}

function nameOf(node: Node): string {
  if (node.type === 'FilterExpression') return `${nameOf(node.operand)}|${nameOf(node.filter.callee ?? node.filter)}`;
  if (node.type === 'Identifier' || !node.object) return String(node.value ?? '…');
  const { object, computed, property } = node;
  return `${nameOf(object)}${computed ? `[${String(property.value ?? '…')}]` : `.${String(property.value)}`}`;
}
