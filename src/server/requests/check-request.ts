/** Checks the content of a request: known parameters, their values, and those that OpenAI's API knows and this server does not support. */
import { quote } from '../../base/errors.ts';
import { nearest } from '../../base/nearest.ts';
import { type Definitions, type FilledOptions, holds, wantedOf } from '../../options/option.ts';
import { badRequest } from '../http/api-error.ts';

/** A parameter of OpenAI's API that is not supported: why, and the values that mean that it is not used. */
export interface Unsupported {
  readonly reason: string;
  readonly unless?: readonly unknown[];
}

export interface RequestForm<D extends Definitions, R extends keyof D & string = never> {
  readonly parameters: D;
  readonly required: readonly R[];
  readonly unsupported: Readonly<Record<string, Unsupported>>;
}

export type RequestOf<F> =
  F extends RequestForm<infer D, infer R>
    ? Omit<FilledOptions<D>, R> & { readonly [K in R]: NonNullable<FilledOptions<D>[K]> }
    : never;

/** The parameters with defaults filled in; null counts as absent. Throws ApiError with the name of the parameter. */
export function checkRequest<D extends Definitions, R extends keyof D & string>(
  body: Readonly<Record<string, unknown>>,
  { parameters, required, unsupported }: RequestForm<D, R>,
): RequestOf<RequestForm<D, R>> {
  const found: Record<string, unknown> = {};
  for (const [name, type] of Object.entries(parameters)) if ('default' in type) found[name] = type.default;
  for (const [name, value] of Object.entries(body)) {
    if (value === null) continue;
    const type = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (!type) checkUnsupported(name, value, unsupported, Object.keys(parameters));
    else if (!holds(type, value))
      throw badRequest(`${name} came as ${quote(value)}, wanted ${wantedOf(type)}.`, name, 'invalid_value');
    else found[name] = value;
  }
  const missing = required.find((name) => found[name] === undefined);
  if (missing !== undefined)
    throw badRequest(
      `there is no ${missing}, wanted ${wantedOf(parameters[missing] as Definitions[string])}.`,
      missing,
      'missing_required_parameter',
    );
  return found as RequestOf<RequestForm<D, R>>;
}

function checkUnsupported(
  name: string,
  value: unknown,
  unsupported: RequestForm<Definitions>['unsupported'],
  known: readonly string[],
): void {
  const entry = Object.hasOwn(unsupported, name) ? unsupported[name] : undefined;
  if (entry?.unless?.some((one) => JSON.stringify(one) === JSON.stringify(value))) return;
  if (entry) throw badRequest(`${name} is not supported: ${entry.reason}.`, name, 'unsupported_parameter');
  const meant = nearest(name, known);
  const hint = meant === undefined ? `the parameters are ${known.join(', ')}` : `did you mean '${meant}'`;
  throw badRequest(
    `there is no parameter ${quote(name)}; ${hint}${meant === undefined ? '.' : '?'}`,
    name.slice(0, 100),
    'unknown_parameter',
  );
}
