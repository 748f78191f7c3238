/** Flags for options of the library. Only their spelling is defined here; values, checks and help come from the library's definitions. */
import { type Command, Option } from 'commander';
import { aboutOf, choicesOf, type Option as Definition, type Definitions, typeOf } from '../src/options/option.ts';
import { numberOf, rangeOf } from './options.ts';

// biome-ignore lint/suspicious/noExplicitAny: commander gives what the same reader made of the flag before
type Reader = (text: string, before?: any) => unknown;

/**
 * Flags in commander's notation; with a reader when the kind of the option does not determine how its text is parsed, and with details that
 * concern the flag only.
 */
type Spelling = string | readonly [flags: string, read: Reader | undefined, more?: string];

type Spellings<D> = { readonly [K in keyof D]?: Spelling };

/** A flag whose value has the name of the library's option. */
class LibraryOption extends Option {
  readonly #name: string;

  constructor(name: string, definition: Definition<unknown>, spelling: Spelling) {
    const [flags, read, more] = typeof spelling === 'string' ? [spelling, undefined] : spelling;
    const isNumber = typeOf(definition) === 'number';
    super(flags, helpOf(aboutOf(definition), more, isNumber ? rangeOf(definition) : undefined));
    this.#name = name;
    const choices = choicesOf(definition);
    if (choices) this.choices(choices);
    if (choices && 'default' in definition) this.default(definition.default);
    if (read ?? isNumber) this.argParser(read ?? numberOf(definition));
  }

  override attributeName(): string {
    return this.#name;
  }
}

/** The help of a flag: text, details, and in brackets the default and the accepted range. */
function helpOf(about: string, more: string | undefined, range: string | undefined): string {
  const [, text = about, byDefault] = /^(.*?)(?: \((default: .*)\))?$/.exec(about) ?? [];
  const bracket = [byDefault, range].filter((part) => part !== undefined).join('; ');
  return [text, more].filter((part) => part !== undefined).join('; ') + (bracket && ` (${bracket})`);
}

/** Adds these flags, in this order. */
export function libraryOptions<D extends Definitions>(
  command: Command,
  definitions: D,
  spellings: Spellings<D>,
): Command {
  for (const [name, spelling] of Object.entries<Spelling | undefined>(spellings))
    command.addOption(new LibraryOption(name, definitions[name] as Definition<unknown>, spelling as Spelling));
  return command;
}
