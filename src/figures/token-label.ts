/** How a token is written where its spaces must be seen, such as on an axis. */

const SIGNS: Readonly<Record<string, string>> = { ' ': '␣', '\n': '⏎', '\r': '␍', '\t': '⇥' };

/** Characters that would not be seen, or would turn or stretch the text around them: controls, formats, combining marks. */
const UNSEEN = /[ \p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Zs}]|\p{M}(?<!\p{L}\p{M})/gu;

const LONGEST = 24;

/** ` she` is `␣she`; long ones are cut. */
export function tokenLabel(text: string): string {
  const seen = text.replaceAll(UNSEEN, (c) => SIGNS[c] ?? `\\u{${(c.codePointAt(0) as number).toString(16)}}`);
  const characters = [...seen];
  return characters.length > LONGEST ? `${characters.slice(0, LONGEST - 1).join('')}…` : seen;
}
