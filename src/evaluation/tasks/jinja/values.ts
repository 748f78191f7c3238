/** Between values of the interpreter and plain data. */
import { UsageError } from '../../../base/errors.ts';
import { pythonStr } from '../python-text.ts';
import { Tuple, tupleOf } from '../tuple.ts';
import { floatOf, WholeFloat } from '../whole-float.ts';
import { Environment, Interpreter, type Node, type Value } from './library.ts';

type Made<T> = new (value: T) => Value;

const classOf = <T>(example: unknown): Made<T> => new Environment().set('example', example).constructor as Made<T>;

const FloatValue = classOf<number>(0.5);
const ArrayValue = classOf<readonly Value[]>([]);
const TupleValue = new Interpreter(new Environment()).evaluate(
  { type: 'TupleLiteral', value: [] } as unknown as Node,
  new Environment(),
).constructor as Made<readonly Value[]>;
const ObjectValue = classOf<ReadonlyMap<unknown, Value>>({});

export const listValue = (values: readonly Value[]): Value => new ArrayValue(values);
export const recordValue = (values: ReadonlyMap<unknown, Value>): Value => new ObjectValue(values);

export function runtimeValue(data: unknown): Value {
  if (data instanceof WholeFloat) return new FloatValue(data.value);
  if (data instanceof Tuple) return new TupleValue(data.map(runtimeValue));
  if (Array.isArray(data)) return listValue(data.map(runtimeValue));
  if (typeof data === 'object' && data !== null)
    return recordValue(new Map(Object.entries(data).map(([key, value]) => [key, runtimeValue(value)])));
  return new Environment().set('value', data);
}

export function plain(value: Value): unknown {
  if (value.type === 'NullValue') return null;
  const inner: unknown = value.value;
  if (value.type === 'FloatValue') return floatOf(inner as number);
  if (Array.isArray(inner)) {
    const list = inner.map((item) => plain(item as Value));
    return value.type === 'TupleValue' ? tupleOf(...list) : list;
  }
  if (inner instanceof Map) return Object.fromEntries([...inner].map(([key, item]) => [key, plain(item as Value)]));
  return inner;
}

/** The text that a value has in the output. */
export function textOf(value: Value): string {
  if (value.type === 'UndefinedValue') return ''; // of `x if y` without `else`; names that are not there are errors before
  if (value.type === 'FunctionValue') throw new UsageError('a function or method has no text: call it with ().');
  return pythonStr(plain(value));
}
