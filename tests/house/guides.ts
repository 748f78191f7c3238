/** Code blocks of a guide that name a file, and a copy of the repository to which they are applied. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface Block {
  /** `diff` changes a file, everything else is a file. */
  readonly language: string;
  readonly file: string;
  readonly text: string;
}

export function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(/^```(\w+) (\S+)\n(.*?)^```$/gms)].map(([, language, file, text]) => ({
    language: language as string,
    file: file as string,
    text: text as string,
  }));
}

/** Parts of a diff are divided by lines `@@`; each must fit exactly one place. */
export function applyDiff(text: string, diff: string, file: string): string {
  let changed = text;
  for (const part of diff.split(/^@@\n/m)) {
    const lines = part.split('\n').slice(0, -1);
    const side = (mark: string) =>
      lines
        .filter((line) => line.startsWith(' ') || line.startsWith(mark))
        .map((line) => line.slice(1))
        .join('\n');
    const [before, after] = [side('-'), side('+')];
    const places = changed.split(before).length - 1;
    if (places !== 1) throw new Error(`${file}: this part of the guide fits ${places} places, wanted one:\n${part}`);
    changed = changed.replace(before, () => after);
  }
  return changed;
}

/** A copy of what a change touches, with the blocks of the guides applied; `installed` things are linked. */
export function copyWith(root: string, blocks: readonly Block[]): { folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'portmanteau-guides-'));
  for (const part of ['src', 'cli', 'bench', 'docs', 'tests', 'package.json', 'tsconfig.json'])
    cpSync(join(root, part), join(folder, part), {
      recursive: true,
      filter: (source) =>
        !/(node_modules|tests\/(golden|fixtures|hub|checkpoint|tokenizer))$/.test(source.replaceAll('\\', '/')),
    });
  for (const part of ['node_modules', 'dist'])
    if (existsSync(join(root, part))) symlinkSync(join(root, part), join(folder, part));
  for (const { language, file, text } of blocks) {
    const path = join(folder, file);
    if (language !== 'diff' && existsSync(path)) throw new Error(`${file} exists: the guide wants to add it`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, language === 'diff' ? applyDiff(readFileSync(path, 'utf8'), text, file) : text);
  }
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
