/** Tokens such as <0x0A> that stand for a byte, for characters that a vocabulary lacks (sentencepiece's byte fallback). */

const encoder = new TextEncoder();

/** Gives the ids of the bytes of a text; undefined when the vocabulary lacks one of them. */
export function byteFallback(ids: ReadonlyMap<string, number>): (text: string) => number[] | undefined {
  const byByte = Array.from({ length: 256 }, (_, byte) => ids.get(spelling(byte)));
  return (text) => {
    const found: number[] = [];
    for (const byte of encoder.encode(text)) {
      const id = byByte[byte];
      if (id === undefined) return undefined;
      found.push(id);
    }
    return found;
  };
}

function spelling(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}

/** The byte that a token stands for; undefined when it stands for none. Hexadecimal digits may be small. */
export function byteOf(token: string): number | undefined {
  return /^<0x[0-9A-Fa-f]{2}>$/.test(token) ? Number.parseInt(token.slice(3, 5), 16) : undefined;
}
