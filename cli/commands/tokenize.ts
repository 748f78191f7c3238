/** `tokenize MODEL TEXT` and `tokenize MODEL --decode IDS`. */
import type { Command } from 'commander';
import { openTokenizerOf, UsageError } from '../../src/node.ts';
import { idList, type ModelFlags, printJson } from '../options.ts';

interface TokenizeFlags extends ModelFlags {
  readonly decode?: number[];
  readonly json?: boolean;
}

export function addTokenize(program: Command): void {
  program
    .command('tokenize')
    .description('ids of a text, or the text of ids')
    .argument('<model>', 'folder, shipped model, or hub id')
    .argument('[text]')
    .option('--decode <ids>', 'ids to turn into text, as in 1,2,3', idList)
    .option('--revision <name>', 'branch, tag or commit on the hub')
    .option('--json', 'one JSON object')
    .action(tokenize);
}

async function tokenize(reference: string, text: string | undefined, flags: TokenizeFlags): Promise<void> {
  if ((text === undefined) === (flags.decode === undefined))
    throw new UsageError('give a text or --decode, one of the two.');
  const tokenizer = await openTokenizerOf(reference, flags.revision ? { revision: flags.revision } : {});
  if (flags.decode) {
    const decoded = tokenizer.decode(flags.decode, { skipSpecialTokens: false });
    return flags.json ? printJson({ ids: flags.decode, text: decoded }) : void process.stdout.write(`${decoded}\n`);
  }
  const ids = tokenizer.encode(text as string);
  if (flags.json) return printJson({ text, ids, pieces: ids.map((id) => tokenizer.piece(id)) });
  process.stdout.write(`${ids.join(',')}\n`);
}
