/** `senses`: what the senses of words do, in models that have some, and how to change it. */
import type { Command } from 'commander';
import { helpText } from '../help-text.ts';
import { addBias, addBiasData } from '../senses/bias.ts';
import { WORDS_ABOUT } from '../senses/common.ts';
import { addDecompose } from '../senses/decompose.ts';
import { addEdits } from '../senses/edit.ts';
import { addLookup } from '../senses/lookup.ts';
import { addSimilarity } from '../senses/similarity.ts';
import { addTopic } from '../senses/topic.ts';
import { addWrite } from '../senses/write.ts';

export function addSenses(program: Command): void {
  const senses = program
    .command('senses')
    .description('what the senses of words do in a Backpack model, and edits of them')
    .configureHelp({ minWidthToWrap: 30 }) // names and arguments of its commands are long
    .addHelpText(
      'after',
      helpText(`
Examples:
  portmanteau senses lookup backpack-tiny said Dorothy --top 5
  portmanteau senses nearest backpack-tiny mother eat
  portmanteau senses similarity backpack-tiny king wife
  portmanteau senses decompose backpack-tiny --text 'The Princess sat down, and' --word she --against he
  portmanteau senses topic backpack-tiny 'One day' --words horse,wood --strength 3 --temperature 0.8 --seed 1
  portmanteau senses bias backpack-tiny --words mother,father,girl,king --sense 5
  portmanteau senses scale backpack-tiny said --sense 5 --by 0 --out said.json
  portmanteau senses edit backpack-tiny king --remove wife --add mother --out king.json
  portmanteau run backpack-tiny 'The old man said' --interventions said.json
  portmanteau senses write backpack-tiny edits.json ./backpack-edited

'portmanteau senses lookup --help' and the like have the flags of each.
Edits of single words stay files of interventions: senses are computed by a network that all words share, so 'write' takes edits of all words only.
${WORDS_ABOUT}`),
    );
  addLookup(senses);
  addSimilarity(senses);
  addDecompose(senses);
  addTopic(senses);
  addBias(senses);
  addBiasData(senses);
  addEdits(senses);
  addWrite(senses);
}
