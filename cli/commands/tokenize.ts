/** `tokenize MODEL TEXT` and `tokenize MODEL --decode IDS`. */
import type { Command } from 'commander';
import { openTokenizerOf, promptIds, type Tokenizer, UsageError } from '../../src/node.ts';
import { withProgress } from '../load.ts';
import { type EncodeFlags, encodeOption, type HubFlags, hubOptions } from '../model-options.ts';
import { idList, jsonOption, modelArgument } from '../options.ts';
import { printJson } from '../output.ts';
import { standardInput } from '../standard-input.ts';

interface TokenizeFlags extends HubFlags, EncodeFlags {
  readonly decode?: number[];
  readonly json?: boolean;
}

export function addTokenize(program: Command): void {
  const command = encodeOption(hubOptions(modelArgument(program.command('tokenize'))))
    .description('ids of a text, or the text of ids')
    .argument(
      '[text]',
      'the text to encode, including ids that the tokenizer adds in front; without one, or with -, standard input is read, without its final line end',
    )
    .option('--decode <ids>', 'ids to turn into text, as in 1,2,3', idList);
  jsonOption(command, 'ids, text, pieces')
    .addHelpText(
      'after',
      `
Examples:
  portmanteau tokenize granite-tiny 'Hello there'
  portmanteau tokenize granite-tiny --decode 258,283,79
  portmanteau tokenize granite-tiny --json < book.txt`,
    )
    .action(tokenize);
}

const NOTHING = 'there is nothing to do: give a text or --decode, or let standard input have the text.';

async function tokenize(reference: string, given: string | undefined, flags: TokenizeFlags): Promise<void> {
  const { decode, json } = flags;
  if (given !== undefined && decode !== undefined) throw new UsageError('give a text or --decode, not both.');
  const typed = given === '-' ? undefined : given;
  const input = decode === undefined ? (typed ?? (await standardInput(NOTHING))) : undefined;
  const tokenizer = await withProgress('pulling', flags, (options) => openTokenizerOf(reference, options));
  const ids = decode ? known(decode, tokenizer) : promptIds(tokenizer, input as string, flags);
  const text = input ?? tokenizer.decode(ids, { skipSpecialTokens: false });
  if (json) printJson({ ids, text, pieces: ids.map((id) => tokenizer.piece(id)) });
  else process.stdout.write(`${decode ? text : ids.join(',')}\n`);
}

function known(ids: readonly number[], { vocabSize }: Tokenizer): readonly number[] {
  const stranger = ids.find((id) => id >= vocabSize);
  if (stranger === undefined) return ids;
  throw new UsageError(`token id ${stranger} does not exist: this tokenizer has ids 0 to ${vocabSize - 1}.`);
}
