/** Operators of templates as Python has them, on plain data. */
import { UsageError } from '../../../base/errors.ts';
import { pythonCompare, pythonEquals } from '../python-order.ts';
import { pythonRepr, pythonStr } from '../python-text.ts';
import { Tuple, tupleOf } from '../tuple.ts';
import { floatOf, WholeFloat } from '../whole-float.ts';
import { isIn } from './predicates.ts';
import { formatted } from './text-filters.ts';

/** Throws UsageError when the values do not fit. */
export function operation(operator: string, a: unknown, b: unknown): unknown {
  switch (operator) {
    case '==':
      return pythonEquals(a, b);
    case '!=':
      return !pythonEquals(a, b);
    case '<':
      return pythonCompare(a, b) < 0;
    case '<=':
      return pythonCompare(a, b) <= 0;
    case '>':
      return pythonCompare(a, b) > 0;
    case '>=':
      return pythonCompare(a, b) >= 0;
    case 'in':
      return isIn(a, b);
    case 'not in':
      return !isIn(a, b);
    case '~':
      return pythonStr(a) + pythonStr(b);
  }
  if (operator === '+' && typeof a === 'string' && typeof b === 'string') return a + b;
  if (operator === '+' && Array.isArray(a) && Array.isArray(b))
    return a instanceof Tuple ? tupleOf(...a, ...b) : [...a, ...b];
  if (operator === '+' && (typeof a === 'string') !== (typeof b === 'string'))
    throw new UsageError(`${pythonRepr(a)} and ${pythonRepr(b)} cannot be added; '~' joins them as texts.`);
  if (operator === '%' && typeof a === 'string') return formatted(a, b instanceof Tuple ? b : [b]);
  if (operator === '*' && isNumber(a) !== isNumber(b)) {
    const [values, times] = isNumber(a) ? [b, a] : [a, b];
    const count = Math.max(0, Number(times));
    if (Number.isInteger(times) && typeof values === 'string') return values.repeat(count);
    if (Number.isInteger(times) && Array.isArray(values)) return Array.from({ length: count }, () => values).flat();
  }
  if (isNumber(a) && isNumber(b)) return arithmetic(operator, a, b);
  throw new UsageError(`'${operator}' does not fit ${pythonRepr(a)} and ${pythonRepr(b)}.`);
}

type PythonNumber = number | boolean | WholeFloat;

const isNumber = (value: unknown): value is PythonNumber =>
  typeof value === 'number' || typeof value === 'boolean' || value instanceof WholeFloat;

const isFloat = (value: PythonNumber): boolean =>
  value instanceof WholeFloat || (typeof value === 'number' && !Number.isInteger(value));

function arithmetic(operator: string, left: PythonNumber, right: PythonNumber): unknown {
  const [a, b] = [Number(left), Number(right)];
  const made = isFloat(left) || isFloat(right) ? floatOf : (value: number) => value;
  if (['/', '//', '%'].includes(operator) && b === 0) throw new UsageError(`${pythonRepr(left)} is divided by 0.`);
  switch (operator) {
    case '+':
      return made(a + b);
    case '-':
      return made(a - b);
    case '*':
      return made(a * b);
    case '/':
      return floatOf(a / b);
    case '//':
      return made(Math.round((a - remainder(a, b)) / b));
    case '%':
      return made(remainder(a, b));
    case '**':
      return b < 0 ? floatOf(a ** b) : made(a ** b);
    default:
      throw new UsageError(`the operator '${operator}' is not supported in templates.`);
  }
}

/** Has the sign of b. */
function remainder(a: number, b: number): number {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}
