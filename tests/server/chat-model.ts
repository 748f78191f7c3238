/** A shipped model with a chat template, in a folder of its own. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Writes each message as a turn; the end of a turn is the model's end-of-text. */
const TEMPLATE =
  "{% for m in messages %}{{ m.role }}: {{ m.content }}{% if m.role == 'assistant' %}{{ eos_token }}{% endif %}\n{% endfor %}{% if tools %}{{ tools | tojson }}\n{% endif %}" +
  '{% if add_generation_prompt %}assistant: {% endif %}';

export function chatModel(name: string): { readonly folder: string; readonly remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'chat-model-'));
  cpSync(fileURLToPath(new URL(`../../models/${name}`, import.meta.url)), folder, { recursive: true });
  writeFileSync(join(folder, 'chat_template.jinja'), TEMPLATE);
  return { folder, remove: () => rmSync(folder, { recursive: true }) };
}
