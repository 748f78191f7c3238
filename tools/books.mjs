/**
 * Makes the texts that the models in models/ are trained on, of books in plain text:
 *
 *     node tools/books.mjs FOLDER OUT
 *
 * reads FOLDER/*.txt and writes OUT/train.jsonl and OUT/held-out.jsonl, one passage `{ "text": "..." }` on each line. A passage is paragraphs
 * that follow each other, of a little more than 300 words together, each on one line. Titles and other short lines are left out.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const WORDS = 300;
const SHORTEST_PARAGRAPH = 40;

/** Numbers of the passages that no model has ever been trained on, so that losses of today's and of earlier models compare. */
const HELD_OUT = new Set([
  164, 209, 288, 381, 592, 639, 692, 1089, 1194, 1213, 1235, 1338, 1378, 1404, 1496, 1523, 1539, 1670, 1810, 1811, 1860,
  1993, 2244, 2313, 2326, 2393, 2502, 2607, 2920, 3172, 3247, 3267, 3290, 3402, 3530, 3560, 3745, 3969, 3977, 4145,
  4157, 4167, 4319, 4386, 4517, 4723, 4873, 4931, 4984, 5066, 5280, 5311, 5336, 5761, 5949, 6061, 6347, 6476, 6483,
  6535, 6614, 6791, 6827, 6953, 7176, 7282, 7396, 7706, 7824, 7977, 8014, 8027, 8245, 8253, 8408, 8417, 8537, 8605,
  8769, 8827, 8845, 8975, 9035, 9082, 9134, 9235, 9301, 9679, 9819, 9843, 9941, 9946, 10066, 10186, 10296, 10366, 10412,
  10483, 10544, 10618,
]);

/** The passages of one book. What is left at its end is dropped. */
function* passages(book) {
  let paragraphs = [];
  let words = 0;
  for (const part of book.split('\n\n')) {
    const paragraph = part.trim().split(/\s+/).join(' ');
    if (paragraph.length < SHORTEST_PARAGRAPH || isTitle(paragraph)) continue;
    paragraphs.push(paragraph);
    words += paragraph.split(' ').length;
    if (words > WORDS) {
      yield paragraphs.join('\n');
      paragraphs = [];
      words = 0;
    }
  }
}

const isTitle = (text) => text === text.toUpperCase() && text !== text.toLowerCase();

const [folder, out] = process.argv.slice(2);
if (!folder || !out) {
  console.error('Usage: node tools/books.mjs FOLDER OUT, where FOLDER has the books as .txt files.');
  process.exit(2);
}
const files = readdirSync(folder).filter((name) => name.endsWith('.txt'));
const all = files.sort().flatMap((name) => [...passages(readFileSync(path.join(folder, name), 'utf8'))]);
mkdirSync(out, { recursive: true });
for (const [name, held] of [
  ['train', false],
  ['held-out', true],
]) {
  const chosen = all.filter((_, number) => HELD_OUT.has(number) === held);
  writeFileSync(path.join(out, `${name}.jsonl`), chosen.map((text) => `${JSON.stringify({ text })}\n`).join(''));
  console.log(`${name}: ${chosen.length} passages, ${chosen.join('').length} characters`);
}
