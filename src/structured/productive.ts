/** Which expressions stand for a text at all. A recursion that never ends stands for none, nor does what needs a value that cannot be. */
import type { Expression } from './expression.ts';

/** Those of an expression and all within it that stand for at least one finite text. */
export function productive(root: Expression): ReadonlySet<Expression> {
  const users = new Map<Expression, Expression[]>();
  /** How many parts of a sequence are not known to be productive. */
  const missing = new Map<Expression, number>();
  const found = new Set<Expression>();
  const ready: Expression[] = [];
  const seen = new Set([root]);
  for (const one of seen) {
    const parts = partsOf(one);
    for (const part of parts) {
      seen.add(part); // a loop over a set also visits what is added to it
      const known = users.get(part);
      if (known) known.push(one);
      else users.set(part, [one]);
    }
    missing.set(one, parts.length);
    const isEmpty = (one.kind === 'sequence' && parts.length === 0) || (one.kind === 'repeat' && one.min === 0);
    if (one.kind === 'byte' || isEmpty) ready.push(one);
  }
  for (let one = ready.pop(); one; one = ready.pop()) {
    if (found.has(one)) continue;
    found.add(one);
    for (const user of users.get(one) ?? []) {
      const left = (missing.get(user) as number) - 1;
      missing.set(user, left);
      if (user.kind !== 'sequence' || left === 0) ready.push(user);
    }
  }
  return found;
}

function partsOf(one: Expression): readonly Expression[] {
  switch (one.kind) {
    case 'byte':
      return [];
    case 'sequence':
    case 'either':
      return one.parts;
    case 'repeat':
      return [one.part];
    case 'reference':
      return [one.to()];
    default:
      return one satisfies never;
  }
}
