/** Messages for parser errors, with a pointer to the help. */
import type { Command } from 'commander';

/** Arguments that a command does not have -> how to give the text instead. */
const MEANT: Readonly<Record<string, string>> = {
  run: 'a prompt of several words stands in quotes',
  tokenize: 'a text of several words stands in quotes',
};

/** Options of other programs -> their names here. */
const CALLED_HERE: Readonly<Record<string, string>> = {
  '--max-tokens': '--max-new-tokens',
  '--max_tokens': '--max-new-tokens',
  '--max-length': '--max-new-tokens',
  '--n-predict': '--max-new-tokens',
  '--dtype': '--weights',
  '--quantization': '--weights',
  '--num-threads': '--threads',
  '--file': '--text-file',
  '--prompt': 'the prompt itself, after the model',
};

/** Replaces commander's messages in a command and its subcommands. */
export function tellParserErrors(command: Command, line: (text: string) => string, path = command.name()): void {
  command.configureOutput({
    outputError: (text, write) => write(line(`${inOurWords(command, text)} (see '${path} --help')`)),
  });
  for (const below of command.commands) tellParserErrors(below, line, `${path} ${below.name()}`);
}

function inOurWords(command: Command, text: string): string {
  const plain = text
    .replace(/^error: /, '')
    .trimEnd()
    .replace(/^command-argument value '(.*)' is invalid for argument '[^']*'\. /s, "'$1': ");
  const unknown = /^unknown option '([^'=]+)/.exec(plain)?.[1];
  const here =
    unknown === undefined ? undefined : CALLED_HERE[unknown.replaceAll(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)];
  if (here !== undefined && hasOption(command, here)) return `unknown option '${unknown}'; here it is ${here}`;
  const missing = /^required option '(--[\w-]+)/.exec(plain)?.[1];
  const choices = command.options.find(({ long }) => missing !== undefined && long === missing)?.argChoices;
  if (choices !== undefined) return `${plain}; wanted one of ${choices.join(', ')}`;
  const meant = plain.startsWith('too many arguments') ? meantBy(command) : undefined;
  return meant === undefined ? plain : `${plain.replace(/\.$/, '')}; ${meant}`;
}

const meantBy = (command: Command): string | undefined =>
  hasOption(command, '--text')
    ? `a text comes after --text: ${command.name()} MODEL --text 'The cat sat'`
    : MEANT[command.name()];

const hasOption = (command: Command, flag: string): boolean =>
  flag.startsWith('--') ? command.options.some(({ long }) => long === flag) : command.name() === 'run';
