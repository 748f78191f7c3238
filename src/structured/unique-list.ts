/** Lists of JSON whose items all differ, where there are few values that an item may have: each set of those that were written is a place in the text. */
import { UsageError } from '../base/errors.ts';
import { Automaton, type AutomatonState, unitsAfter } from './automaton.ts';
import { type Expression, either, empty, literal, sequence } from './expression.ts';
import { comma } from './json-text.ts';
import { productive } from './productive.ts';
import { unsupported } from './schema-errors.ts';

/** Values of an item; there are 2^10 sets of ten. */
const MAX_VALUES = 10;

/** Bytes that are looked at to find them. */
const MAX_WORK = 20_000;

/** Throws UsageError when an item may have too many values, or there are too few for the list. */
export function uniqueListOf(
  item: Expression,
  { min, max }: { readonly min: number; readonly max: number },
  place: string,
): Expression {
  const values = valuesOf(item);
  if (!values)
    throw unsupported(
      'uniqueItems',
      `${place}/uniqueItems`,
      `items may have at most ${MAX_VALUES} values here, such as those of an enum`,
    );
  if (min > values.length)
    throw new UsageError(
      `the JSON schema at ${place} allows no list: minItems is ${min}, and its items have ${values.length} values, each of them once.`,
    );
  const made = new Map<number, Expression>();
  /** What may follow when the values with these bits were written. */
  const after = (written: number, count: number): Expression => {
    const known = made.get(written);
    if (known) return known;
    const left =
      count < max ? values.map((value, i) => ({ value, bit: 1 << i })).filter(({ bit }) => !(written & bit)) : [];
    const goesOn = left.map(({ value, bit }) =>
      sequence(count > 0 ? comma : empty, value, after(written | bit, count + 1)),
    );
    const found = either(...(count >= min ? [literal(']')] : []), ...goesOn);
    made.set(written, found);
    return found;
  };
  return sequence(literal('['), after(0, 0));
}

/** The values whose texts a language has, each as the language of its texts; undefined when there are too many, or they are too long. */
function valuesOf(language: Expression): readonly Expression[] | undefined {
  if (!productive(language).has(language)) return [];
  const automaton = new Automaton(language);
  const texts: Uint8Array[] = [];
  let open: { readonly bytes: readonly number[]; readonly state: AutomatonState }[] = [
    { bytes: [], state: automaton.start() },
  ];
  for (let work = 0; open.length > 0; ) {
    const longer: typeof open = [];
    for (const { bytes, state } of open) {
      if (state.accepts) texts.push(Uint8Array.from(bytes));
      for (const [from, to] of unitsAfter(state))
        for (let byte = from; byte <= to; byte++) {
          if (++work > MAX_WORK) return undefined;
          const next = automaton.step(state, byte);
          if (next) longer.push({ bytes: [...bytes, byte], state: next });
        }
    }
    open = longer;
  }
  const byValue = new Map<string, Expression[]>();
  for (const bytes of texts) {
    const text = new TextDecoder().decode(bytes);
    const key = canonical(JSON.parse(text));
    byValue.set(key, [...(byValue.get(key) ?? []), literal(text)]);
  }
  return byValue.size > MAX_VALUES ? undefined : [...byValue.values()].map((all) => either(...all));
}

/** The same text for equal values: the order of properties does not count. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
