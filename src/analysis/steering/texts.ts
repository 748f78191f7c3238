/** Lists of texts, and what is kept of them where the texts themselves are not. */
import { ownKind } from '../../options/option.ts';
import type { SubjectPrompt } from '../subject.ts';

export const textList = ownKind<readonly SubjectPrompt[]>(
  'a list of texts, or of lists of token ids',
  (value) =>
    Array.isArray(value) &&
    value.every((one) => typeof one === 'string' || Array.isArray(one) || ArrayBuffer.isView(one)),
);

export interface TextsNote {
  readonly texts: number;
  /** SHA-256 of the texts as a JSON list, in hexadecimal digits. */
  readonly sha256: string;
}

export async function noteOf(texts: readonly SubjectPrompt[]): Promise<TextsNote> {
  const plain = texts.map((text) => (typeof text === 'string' ? text : Array.from(text)));
  const bytes = new TextEncoder().encode(JSON.stringify(plain));
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return { texts: texts.length, sha256: [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('') };
}
