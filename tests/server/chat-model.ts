/** A shipped model with a chat template, in a folder of its own. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Its template writes each message as a turn; the end of a turn is the model's end-of-text. */
export function chatModel(name: string): { readonly folder: string; readonly remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'chat-model-'));
  cpSync(file(`../../models/${name}`), folder, { recursive: true });
  cpSync(file('../fixtures/chat_template.jinja'), join(folder, 'chat_template.jinja'));
  return { folder, remove: () => rmSync(folder, { recursive: true }) };
}
