/** Messages out of lines: one line each, or several, when a line ends with a backslash, or between lines of three quotation marks. */

const BLOCK = '"""';

/** Joins lines to messages. `more`: called with true when the next line belongs to the same message. */
export async function* messagesOf(lines: AsyncIterable<string>, more: (open: boolean) => void): AsyncGenerator<string> {
  let held: string[] = [];
  let inBlock = false;
  for await (const line of lines) {
    if (inBlock) {
      const ends: boolean = line.trimEnd().endsWith(BLOCK);
      const text = ends ? line.trimEnd().slice(0, -BLOCK.length) : line;
      if (text !== '' || !ends) held.push(text);
      if (!ends) continue;
      inBlock = false;
    } else if (held.length === 0 && line.startsWith(BLOCK)) {
      if (line !== BLOCK) held.push(line.slice(BLOCK.length));
      inBlock = true;
      more(true);
      continue;
    } else if (line.endsWith('\\')) {
      held.push(line.slice(0, -1));
      more(true);
      continue;
    } else held.push(line);
    const message = held.join('\n');
    held = [];
    more(false);
    yield message;
  }
  if (held.length > 0) yield held.join('\n');
}
