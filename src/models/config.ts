/**
 * Reads a Hugging Face config.json key by key. A key that is missing, has the wrong kind of value, or changes what the model computes
 * without being understood, is an error that names it.
 */
import { CheckpointError, quote } from '../base/errors.ts';
import { isOfTools, isUnset, isUsual, OF_TRANSFORMERS } from './harmless-keys.ts';

export type JsonObject = { readonly [key: string]: unknown };

/** The largest count believed of any one dimension of a model; the largest real ones are vocabularies, near 10^6. */
const MAX_COUNT = 2 ** 28;

export class ConfigReader {
  readonly #json: JsonObject;
  readonly #read: Set<string>;
  /** Before the names of its keys: empty, or that of the object they stand in, and a dot. */
  readonly #prefix: string;
  /** What was passed over, as it is shown. */
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

  /** Does it say just this? `null` is a value here; for all other methods a key that is null is missing. */
  is(key: string, value: string | null): boolean {
    this.#read.add(this.#prefix + key);
    return this.#json[key] === value;
  }

  /** A whole number from 1 on. */
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

  /** A number above 0, or 0 itself where that is allowed. */
  positive(key: string, otherwise?: number, { zero = false } = {}): number {
    const value = this.number(key, otherwise);
    if (value < 0 || (value === 0 && !zero)) throw this.wrong(key, `a number ${zero ? 'from 0 on' : 'above 0'}`);
    return value;
  }

  /** A list of numbers, one at least. */
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

  /** One of the given values, the first of which is assumed when the key is missing. */
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

  /** A reader of the object under `key`. Its keys have names such as 'rope_scaling.factor', in messages and to be ignored. */
  nested(key: string): ConfigReader | undefined {
    const object = this.object(key);
    return object && new ConfigReader(object, `${this.#prefix}${key}.`, this.#read, this.#passed);
  }

  /** Is nothing set in it? */
  get isEmpty(): boolean {
    return Object.keys(this.#json).length === 0;
  }

  /** Keys that are known to change nothing here. */
  ignore(...keys: string[]): void {
    for (const key of keys) this.#read.add(this.#prefix + key);
  }

  /** Keys that mean something in other models, and that the reference does not look at in this one: `finish` tells of them. */
  passOver(...keys: string[]): void {
    for (const key of keys) {
      const value = this.#json[key];
      if (this.#read.has(this.#prefix + key) || isUnset(value) || isUsual(key, value)) continue;
      this.#read.add(this.#prefix + key);
      this.#passed.push(`'${this.#prefix}${key}': ${quote(value)}`);
    }
  }

  /** An error that names a value and what was wanted in its place. */
  wrong(key: string, wanted: string): CheckpointError {
    return new CheckpointError(`config.json has '${this.#prefix}${key}': ${quote(this.#json[key])}, wanted ${wanted}.`);
  }

  /** Throws on every key that is set to something and that nobody read; told are those that tools left behind, and that change nothing. */
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
