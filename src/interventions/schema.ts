/**
 * The schema of interventions. Checks and the published JSON Schema follow from these definitions; callers in JavaScript may also pass
 * Float32Arrays and functions.
 */
import * as v from 'valibot';
import { quote, UsageError } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import { checkOptions } from '../options/check.ts';
import { type Definitions, kind, kinds, type Option, option } from '../options/option.ts';
import type { Intervention } from './intervention.ts';

const whole = v.pipe(v.number(), v.safeInteger());
const fromZero = v.pipe(whole, v.minValue(0));
const index = kind<readonly number[]>(
  'a list of whole numbers from 0 on, at least one',
  v.pipe(v.array(fromZero), v.minLength(1)),
);
const always = kind('true, or be left out', v.literal(true));

/** `own`: whether values that JSON does not have are allowed. */
function definitionsOf(own: 'json' | 'javascript') {
  const js = own === 'javascript';
  const call = v.custom((value) => typeof value === 'function');
  const vector = kind(
    'a list of numbers, or { "vector": a name } of a vector',
    v.union([
      v.pipe(v.array(v.pipe(v.number(), v.finite())), v.minLength(1)),
      v.strictObject({ vector: v.string() }),
      ...(js ? [v.instance(Float32Array)] : []),
    ]),
  );
  const strength = kind('a finite number', v.union([v.pipe(v.number(), v.finite()), ...(js ? [call] : [])]));
  const positions = kind(
    'a list of whole numbers, or { "from": n, "to": n }; negative ones count from the end of the prompt',
    v.union([
      v.pipe(v.array(whole), v.minLength(1)),
      v.strictObject({ from: v.optional(whole), to: v.optional(whole) }),
    ]),
  );
  const generation = {
    from: option(kinds.fromZero, 'holds from the prediction of this generated token on'),
    to: option(kinds.fromZero, 'holds before the prediction of this generated token'),
  };
  const where = {
    positions: option(
      positions,
      'positions where it holds; the end of a range is exclusive, negative ones count from the end of the prompt',
    ),
    ...generation,
  };
  const tokens = { tokens: option(index, 'token ids where it holds') };
  const by = { by: option(strength, 'strength; default 1') };
  const actions = {
    add: { add: option(vector, 'x + by * this'), ...by },
    scale: { scale: option(strength, 'x times this; 0 removes') },
    set: { set: option(vector, 'this in the place of x'), ...by },
    project: { project: option(vector, 'takes away `by` times the component of x along this direction'), ...by },
  };
  const site = {
    site: option(kinds.text, 'name of a site; * stands for any part'),
    ...where,
    ...tokens,
    heads: option(index, 'heads, on the middle axis of the site'),
    channels: option(index, 'channels, on the last axis of the site'),
  };
  const word = v.strictObject({ token: v.optional(fromZero), sense: v.optional(fromZero) });
  const senses = {
    senses: option(
      kind('{ "token": id, "sense": number }, or one of the two', word),
      'of which word, and which sense of it',
    ),
    ...where,
  };
  const experts = {
    experts: option(index, 'experts, by their numbers'),
    layers: option(index, 'layers, by their numbers; default all that have experts'),
    ...where,
    ...tokens,
  };
  const state = {
    state: option(kinds.text, 'name of a tensor of the state; * stands for any part'),
    at: option(kinds.fromZero, 'before the token at this position is read'),
  };
  return {
    site: {
      add: { ...site, ...actions.add },
      scale: { ...site, ...actions.scale },
      set: { ...site, ...actions.set },
      project: { ...site, ...actions.project },
    },
    senses: {
      add: { ...senses, ...actions.add },
      scale: { ...senses, scale: option(strength, 'times how much the sense counts; 0 removes') },
      set: { ...senses, ...actions.set },
    },
    experts: {
      disable: { ...experts, disable: option(always, 'they are never chosen; the next best take their places') },
      force: {
        ...experts,
        force: option(always, 'they are always chosen, with the weight that their scores give them'),
      },
      bias: { ...experts, bias: option(strength, 'is added to their scores') },
    },
    state: {
      scale: { ...state, scale: option(kinds.finite, 'times this') },
      set: { ...state, set: option(vector, 'these numbers') },
      reset: { ...state, reset: option(always, 'sets it to zero') },
    },
  } as const satisfies Readonly<Record<string, Readonly<Record<string, Definitions>>>>;
}

const DEFINITIONS: Readonly<Record<string, Readonly<Record<string, Definitions>>>> = definitionsOf('javascript');

/** Keys that must be given, beside the action. */
const REQUIRED: Readonly<Record<string, readonly string[]>> = { state: ['at'] };

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const listed = (names: readonly string[]) => names.map((name) => `'${name}'`).join(', ');

/** Throws UsageError when this is not an intervention. `name`: for the message, as in `intervention 3`. */
export function checkShape(value: unknown, name: string): Intervention {
  if (!isObject(value)) throw new UsageError(`${name} came as ${quote(value)}, wanted an object.`);
  const has = (key: string) => value[key] !== undefined;
  const subjects = Object.keys(DEFINITIONS).filter(has);
  if (subjects.length !== 1)
    throw new UsageError(
      `${name} has ${listed(subjects.length > 0 ? subjects : Object.keys(value)) || 'nothing'}, wanted exactly one of ${listed(Object.keys(DEFINITIONS))}.`,
    );
  const subject = subjects[0] as string;
  const actions = DEFINITIONS[subject] as Readonly<Record<string, Definitions>>;
  const given = Object.keys(actions).filter(has);
  if (given.length !== 1) {
    const known = Object.values(actions).flatMap(Object.keys);
    const strange = Object.keys(value).find((key) => !known.includes(key));
    const meant = strange === undefined ? undefined : nearest(strange, known);
    const unknown =
      strange === undefined ? '' : ` and an unknown key '${strange}'${meant ? ` (did you mean '${meant}'?)` : ''}`;
    const found = given.length === 0 ? `has no change${unknown}` : `says ${listed(given)}`;
    throw new UsageError(
      `${name} (${subject} ${quote(value[subject])}) ${found}, wanted exactly one of ${listed(Object.keys(actions))}.`,
    );
  }
  checkOptions(name, value, actions[given[0] as string] as Definitions);
  for (const key of REQUIRED[subject] ?? [])
    if (!has(key)) throw new UsageError(`${name} (${subject} ${quote(value[subject])}) has no '${key}'.`);
  return value as unknown as Intervention;
}

export interface SchemaVariant {
  readonly subject: string;
  readonly action: string;
  readonly required: readonly string[];
  readonly properties: Readonly<Record<string, Option<unknown>>>;
}

/** All kinds of interventions as JSON has them: for the JSON Schema. */
export function schemaVariants(): SchemaVariant[] {
  return Object.entries(definitionsOf('json')).flatMap(([subject, actions]) =>
    Object.entries(actions).map(([action, properties]) => ({
      ...{ subject, action, properties },
      required: [subject, action, ...(REQUIRED[subject] ?? [])],
    })),
  );
}
