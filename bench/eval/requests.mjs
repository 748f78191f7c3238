/** Requests of MMLU, HellaSwag and LAMBADA from files in their usual forms, for measuring: as the tasks of lm-evaluation-harness make them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

function linesOf(folder, names) {
  for (const name of names) {
    try {
      const bytes = readFileSync(join(folder, name));
      const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
      return text.split('\n').filter((line) => line !== '');
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
  }
  throw new Error(`${folder} has none of ${names.join(', ')}`);
}

const LETTERS = ['A', 'B', 'C', 'D'];

/** Five examples before each question; the answers are single letters. */
function mmlu(folder, documents) {
  const rows = (split) =>
    linesOf(folder, [`mmlu_${split}.jsonl`, `mmlu_${split}.jsonl.gz`]).map((line) => JSON.parse(line));
  const [dev, test] = [rows('dev'), rows('test')];
  const question = ({ question, choices }) =>
    `${question.trim()}\n${choices.map((choice, i) => `${LETTERS[i]}. ${choice}`).join('\n')}\nAnswer:`;
  // Whole subjects come one after another, as in the task: every 20th document would leave little to share.
  return test.slice(0, documents).map((row) => {
    const shots = dev.filter(({ subject }) => subject === row.subject).slice(0, 5);
    const about = `The following are multiple choice questions (with answers) about ${row.subject.replaceAll('_', ' ')}.\n\n`;
    const context =
      about + shots.map((shot) => `${question(shot)} ${LETTERS[shot.answer]}\n\n`).join('') + question(row);
    return LETTERS.map((letter) => [context, ` ${letter}`]);
  });
}

/** Four endings of one context. */
function hellaswag(folder, documents) {
  const lines = linesOf(folder, ['hellaswag_val.txt', 'hellaswag_val.txt.gz']);
  const found = [];
  // Six lines each: context, number of the right ending, four endings.
  for (let i = 0; i + 5 < lines.length && found.length < documents; i += 6)
    found.push(lines.slice(i + 2, i + 6).map((ending) => [lines[i], ` ${ending}`]));
  return found;
}

/** The last word of a passage. */
function lambada(folder, documents) {
  const rows = linesOf(folder, ['lambada_test.jsonl', 'lambada_test.jsonl.gz', 'lambada.jsonl']).slice(0, documents);
  return rows.map((line) => {
    const { text } = JSON.parse(line);
    const at = text.trimEnd().lastIndexOf(' ');
    return [[text.slice(0, at), text.slice(at)]];
  });
}

export const SETS = { mmlu, hellaswag, lambada };

/** Documents, each a list of [context, continuation]. */
export const documentsOf = (set, folder, documents) => SETS[set](folder, documents);
