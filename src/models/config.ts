/**
 * Reads a Hugging Face config.json key by key. Throws an error that names the key when it is missing, has a value of the wrong kind, or is
 * unknown and may change what the model computes.
 */
import { CheckpointError, quote } from '../base/errors.ts';
import { isOfTools, isUnset, isUsual, OF_TRANSFORMERS } from './harmless-keys.ts';

export type JsonObject = { readonly [key: string]: unknown };

/** Upper limit of any one dimension of a model; the largest real ones are vocabularies, near 10^6. */
const MAX_COUNT = 2 ** 28;

export class ConfigReader {
  readonly #json: JsonObject;
  readonly #read: Set<string>;
  /** Prefix of its keys in messages: empty, or the name of the object they are in and a dot. */
  readonly #prefix: string;
  /** The keys that were passed over, as text for the warning. */
  readonly #passed: string[];

  constructor(json: JsonObject, prefix = '', read = new Set<string>(), passed: string[] = []) {
    this.#json = json;
    this.#prefix = prefix;
    this.#read = read;
    this.#passed = passed;
  }

  has(key: string): boolean {
    return this.#json[key] !== undefined && this.#json[key] !== null;
  }

  /** Has the key exactly this value? Here `null` is a value; all other methods treat a null key as missing. */
  is(key: string, value: string | null): boolean {
    this.#read.add(this.#prefix + key);
    return this.#json[key] === value;
  }

  /** A whole number, at least 1. */
  count(key: string, otherwise?: number): number {
    const value = this.number(key, otherwise);
    if (!Number.isInteger(value) || value < 1 || value > MAX_COUNT)
      throw this.wrong(key, 'a whole number from 1 to 2^28');
    return value;
  }

  number(key: string, otherwise?: number): number {
    const value = this.#take(key) ?? otherwise;
    if (value === undefined)
      throw new CheckpointError(`config.json has no '${this.#prefix}${key}', which this model needs.`);
    if (typeof value !== 'number' || !Number.isFinite(value)) throw this.wrong(key, 'a number');
    return value;
  }

  /** Row of a table of `count` rows, as torch counts them: from the end when below 0. Undefined when missing, no whole number, or outside. */
  row(key: string, count: number): number | undefined {
    const value = this.#take(key);
    if (!Number.isInteger(value)) return undefined;
    const row = (value as number) < 0 ? (value as number) + count : (value as number);
    return row >= 0 && row < count ? row : undefined;
  }

  /** A number above 0, or 0 if `zero` is set. */
  positive(key: string, otherwise?: number, { zero = false } = {}): number {
    const value = this.number(key, otherwise);
    if (value < 0 || (value === 0 && !zero)) throw this.wrong(key, `a number ${zero ? 'from 0 on' : 'above 0'}`);
    return value;
  }

  /** A list of at least one number. */
  numbers(key: string): readonly number[] {
    const value = this.#take(key);
    if (value === undefined)
      throw new CheckpointError(`config.json has no '${this.#prefix}${key}', which this model needs.`);
    const isList = Array.isArray(value) && value.length > 0 && value.every((one) => Number.isFinite(one));
    if (!isList) throw this.wrong(key, 'a list of numbers');
    return value;
  }

  flag(key: string, otherwise: boolean): boolean {
    const value = this.#take(key) ?? otherwise;
    if (typeof value !== 'boolean') throw this.wrong(key, 'true or false');
    return value;
  }

  /** One of the given values; the first is the default. */
  choice<const T extends string | number | boolean>(key: string, values: readonly [T, ...T[]]): T {
    const value = this.#take(key) ?? values[0];
    const found = values.find((v) => v === value);
    if (found === undefined) throw this.wrong(key, values.map((v) => quote(v)).join(' or '));
    return found;
  }

  object(key: string): JsonObject | undefined {
    const value = this.#take(key);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'object' || Array.isArray(value)) throw this.wrong(key, 'an object');
    return value as JsonObject;
  }

  /** A reader of the object under `key`. Its keys are named such as 'rope_scaling.factor' in messages and in ignoreConfigKeys. */
  nested(key: string): ConfigReader | undefined {
    const object = this.object(key);
    return object && new ConfigReader(object, `${this.#prefix}${key}.`, this.#read, this.#passed);
  }

  /** Are all its keys unset? */
  get isEmpty(): boolean {
    return Object.keys(this.#json).length === 0;
  }

  /** Marks keys that have no effect on this model. */
  ignore(...keys: string[]): void {
    for (const key of keys) this.#read.add(this.#prefix + key);
  }

  /** Marks keys that have a meaning in other models, but which the reference ignores in this one: `finish` warns of them. */
  passOver(...keys: string[]): void {
    for (const key of keys) {
      const value = this.#json[key];
      if (this.#read.has(this.#prefix + key) || isUnset(value) || isUsual(key, value)) continue;
      this.#read.add(this.#prefix + key);
      this.#passed.push(`'${this.#prefix}${key}': ${quote(value)}`);
    }
  }

  /** Makes the error for a wrong value, with what was wanted. */
  wrong(key: string, wanted: string): CheckpointError {
    return new CheckpointError(`config.json has '${this.#prefix}${key}': ${quote(this.#json[key])}, wanted ${wanted}.`);
  }

  /** Throws when keys are set that were not read; warns of those that tools leave behind and that have no effect. */
  finish(onWarning?: (message: string) => void): void {
    const isOfAny = (key: string, value: unknown) =>
      this.#prefix === '' && (OF_TRANSFORMERS.has(key) || isUsual(key, value));
    const unread = Object.entries(this.#json).filter(
      ([key, value]) => !this.#read.has(this.#prefix + key) && !isOfAny(key, value) && !isUnset(value),
    );
    const shown = (entries: typeof unread) => entries.map(([key, value]) => `'${this.#prefix}${key}': ${quote(value)}`);
    const unknown = unread.filter(([key]) => this.#prefix !== '' || !isOfTools(key));
    if (unknown.length > 0) {
      throw new CheckpointError(
        `config.json sets what this model does not understand: ${shown(unknown).join(', ')}. If it changes nothing in the computation, ` +
          `pass the names in ignoreConfigKeys (--ignore-config-keys on the command line).`,
      );
    }
    const told = [...this.#passed, ...shown(unread)];
    if (told.length > 0) onWarning?.(`config.json sets what changes nothing in this model: ${told.join(', ')}.`);
  }

  #take(key: string): unknown {
    this.#read.add(this.#prefix + key);
    const value = this.#json[key];
    return value === null ? undefined : value;
  }
}
