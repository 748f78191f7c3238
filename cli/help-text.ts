/** The text below the options in the help, wrapped at the width of the terminal. */

/** Width when the output is not a terminal, as in commander. */
const USUAL_WIDTH = 80;

/** Wraps lines of running text; indented lines, such as examples, are not changed. */
export function helpText(text: string, width = process.stdout.columns ?? USUAL_WIDTH): string {
  const joined: string[] = [];
  let open = false; // may the next line go on with the last one?
  for (const line of text.split('\n')) {
    const isProse = line !== '' && !line.startsWith(' ');
    if (isProse && open) joined[joined.length - 1] += ` ${line}`;
    else joined.push(line);
    open = isProse && !/[.:]$/.test(line);
  }
  return joined.flatMap((line) => (line.startsWith(' ') ? [line] : folded(line, width))).join('\n');
}

function folded(line: string, width: number): string[] {
  const lines: string[] = [];
  let last = '';
  for (const word of line.split(' ')) {
    if (last !== '' && last.length + 1 + word.length > width) {
      lines.push(last);
      last = word;
    } else last = last === '' ? word : `${last} ${word}`;
  }
  return [...lines, last];
}
