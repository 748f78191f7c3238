/** Arguments and options shared by several commands, checked while they are parsed, before a model is loaded. */
import { existsSync, lstatSync, readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { nearest } from '../src/base/nearest.ts';
import { type Prompt, shippedModelNames, UsageError } from '../src/node.ts';
import { type Option as Definition, holds, kinds, wantedOf } from '../src/options/option.ts';

const MAX_ABOUT = `at most ${Number.MAX_SAFE_INTEGER}`; // 2^53 - 1, up to which JavaScript counts

/** A parser of numbers in JavaScript's notation: 0.5, 1e3, -1. Infinity is not accepted. */
function numberThat(wanted: string, isGood: (value: number) => boolean): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value) || !isGood(value)) {
      const tooLarge = Math.abs(value) > Number.MAX_SAFE_INTEGER ? ` that is not so large: ${MAX_ABOUT}` : '';
      throw new InvalidArgumentError(`Wanted ${wanted}${tooLarge}.`);
    }
    return value;
  };
}

export const rangeOf = (definition: Definition<unknown>): string => wantedOf(definition).replace('finite ', '');

export function numberOf(definition: Definition<unknown>): (text: string) => number {
  return numberThat(rangeOf(definition), (value) => holds(definition, value));
}

/** Limit of threads: more than there are cores make nothing faster, and hundreds take minutes to start. */
const MAX_THREADS = 64;

export const aNumber = numberOf(kinds.finite);
export const fromZero = numberOf(kinds.notNegative);
export const aboveZero = numberOf(kinds.positive);
export const share = numberOf(kinds.share);
export const wholeNumber = numberOf(kinds.fromZero);
const MAX_PORT = 65_535;

export function portNumber(text: string): number {
  const port = wholeNumber(text);
  if (port <= MAX_PORT) return port;
  throw new InvalidArgumentError(`Wanted a port, from 0 to ${MAX_PORT}.`);
}

export const fromOne = numberOf(kinds.fromOne);
export const threadCount = numberThat(
  `a whole number from 1 to ${MAX_THREADS}`,
  (value) => Number.isInteger(value) && value >= 1 && value <= MAX_THREADS,
);

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  K: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  KI: 2 ** 10,
  MI: 2 ** 20,
  GI: 2 ** 30,
  TI: 2 ** 40,
};

const SMALLEST_MEMORY = 1e5; // bytes; less is a number whose unit was forgotten

/** Parses a number of bytes above 0: `8GB`, `512MiB`, `1e9`. */
export function byteCount(text: string): number {
  const [, number = '', unit = ''] = /^\s*([\d.]+(?:e\d+)?)\s*([KMGT]?I?)B?\s*$/i.exec(text) ?? [];
  const bytes = Number(number) * (UNITS[unit.toUpperCase()] ?? Number.NaN);
  if (number !== '' && unit === '' && bytes >= 1 && bytes < SMALLEST_MEMORY)
    throw new InvalidArgumentError(
      `Without a unit these are bytes, and no model fits in so few: wanted ${text.trim()}GB?`,
    );
  if (number === '' || !(bytes >= 1 && bytes < Number.MAX_SAFE_INTEGER))
    throw new InvalidArgumentError('Wanted a number of bytes, as in 8GB, 512MiB or 1e9.');
  return Math.floor(bytes);
}

/** Parses `1,2,3`. */
export function idList(text: string): number[] {
  if (!/^\s*\d+\s*(,\s*\d+\s*)*$/.test(text)) throw new InvalidArgumentError('Wanted token ids, as in 1,2,3.');
  return text.split(',').map((part) => wholeNumber(part));
}

/** Makes a parser of comma-separated lists from a parser of their entries. */
export function listOf(parse: (text: string) => number): (text: string) => number[] {
  return (text) => text.split(',').map((part) => parse(part));
}

/** Makes a parser of texts from an option's definition. */
export function textThat(definition: Definition<string>): (text: string) => string {
  return (text) => {
    if (!holds(definition, text)) throw new InvalidArgumentError(`Wanted ${wantedOf(definition)}.`);
    return text;
  };
}

/** For options that may be given several times. */
export function collect(value: string, before: readonly string[] = []): string[] {
  if (value === '') throw new InvalidArgumentError('Wanted at least one character.');
  return [...before, value];
}

/** Parses `a,b`; may be given several times. */
export function collectList(value: string, before: readonly string[] = []): string[] {
  const parts = value.split(',').map((part) => part.trim());
  if (parts.includes('')) throw new InvalidArgumentError('Wanted names, separated by commas.');
  return [...before, ...parts];
}

/** Checks the name of an output file; `checkOutput` checks more. */
export function outputFile(path: string): string {
  if (path === '-') return path;
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() && !isFolder(path)) return path; // judged by where it leads
  const folder = dirname(resolve(path));
  if (!isFolder(folder)) throw new InvalidArgumentError(`There is no folder ${folder}; make it first.`);
  if (path === '') throw new InvalidArgumentError('Wanted the name of a file.');
  if (isFolder(path)) throw new InvalidArgumentError('Wanted the name of a file; this is a folder.');
  return path;
}

/** Checks that an input file exists. */
export function inputFile(path: string): string {
  if (!existsSync(path)) throw new InvalidArgumentError('There is no such file.');
  if (isFolder(path)) throw new InvalidArgumentError('Wanted the name of a file; this is a folder.');
  return path;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch {
    return false; // links in a circle, or a folder that may not be read
  }
}

/** Decodes UTF-8. Throws UsageError on anything else, such as a file of another kind. */
export function textOf(bytes: Uint8Array, from: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new UsageError(`${from} is no UTF-8 text; convert it to UTF-8 first.`);
  }
}

/** Reads a text file; `-` is standard input. */
export function textFile(path: string): string {
  if (path !== '-') inputFile(path);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path === '-' ? 0 : path);
  } catch (error) {
    throw new InvalidArgumentError(`It cannot be read: ${readErrorOf(error as NodeJS.ErrnoException)}.`);
  }
  return textOf(bytes, path === '-' ? 'standard input' : path);
}

function readErrorOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'EACCES' || code === 'EPERM') return 'this user may not read it';
  if (code === 'ERR_FS_FILE_TOO_LARGE') return 'it is larger than 2 GiB';
  return message;
}

/**
 * Checks a model's name or folder: a misspelt name of a shipped model is an error at once; everything else is checked when it is opened.
 */
export function modelReference(text: string): string {
  const meant = existsSync(text) || /[/\\:@]/.test(text) ? undefined : nearest(text, shippedModelNames());
  if (meant === undefined || meant === text) return text;
  throw new InvalidArgumentError(`There is no such folder or model; did you mean ${meant}?`);
}

/** Help on model arguments. */
export const MODEL_ABOUT = 'folder, shipped model, or hub id (org/name, org/name@revision, or the address of its page)';

export function modelArgument(command: Command): Command {
  return command.argument('<model>', MODEL_ABOUT, modelReference);
}

export function jsonObject(text: string): Record<string, unknown> {
  const value = parsed(text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new InvalidArgumentError('Wanted a JSON object, as in {"repetition_penalty":1.2}.');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export interface TextFlags {
  readonly text?: string;
  readonly textFile?: string;
  readonly ids?: number[];
}

export function textOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--text <text>', 'the text; default: standard input, without its final line end').conflicts([
        'textFile',
        'ids',
      ]),
    )
    .addOption(
      new Option(
        '--text-file <file>',
        'a file that holds the text; all of it counts, line ends too; - is standard input',
      )
        .argParser(textFile)
        .conflicts('ids'),
    )
    .option('--ids <list>', 'token ids in place of a text, as in 1,2,3', idList);
}

/** The text or list of ids that was given; undefined when there is none. */
export function promptOf({ text, textFile, ids }: TextFlags): Prompt | undefined {
  const prompt = ids ?? textFile ?? text;
  if (prompt?.length === 0) throw new UsageError('the text is empty; give at least one character.');
  return prompt;
}

export const NO_TEXT = 'there is no text: give --text, --text-file or --ids, or let standard input have it.';

export function jsonOption(command: Command, about: string): Command {
  return command.option('--json', `one JSON object: ${about}`);
}
