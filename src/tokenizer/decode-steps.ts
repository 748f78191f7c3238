/**
 * The steps of decoders, which process one token at a time. After a step that joins tokens (ByteLevel, Fuse) there is only one token, which
 * arrives in parts and ends with the text.
 */
import { bytesOf } from './byte-level.ts';
import { byteOf } from './byte-tokens.ts';

export type Pass = (text: string) => void;

export interface DecodeStep {
  /** Takes a token, or a part of the joined token. Passes on text that is certain. */
  push(text: string, pass: Pass): void;
  /** Marks the end: passes on what was held back. */
  end(pass: Pass): void;
}

/** A step that changes each token separately. */
export function eachStep(change: (text: string) => string): DecodeStep {
  return { push: (text, pass) => pass(change(text)), end: () => {} };
}

/** Collects the whole joined token, for a step that needs all of it. */
export function wholeStep(): DecodeStep {
  let held = '';
  return {
    push: (text) => {
      held += text;
    },
    end: (pass) => pass(held),
  };
}

/** The first token is changed in one way, all others in another. */
export function firstStep(first: (text: string) => string, others: (text: string) => string): DecodeStep {
  let isFirst = true;
  return {
    push: (text, pass) => {
      pass(isFirst ? first(text) : others(text));
      isFirst = false;
    },
    end: () => {},
  };
}

const bytesOfToken = new Map<string, Uint8Array>();
const MAX_KEPT = 2 ** 18;

/** Decodes tokens in the byte alphabet as UTF-8; invalid bytes become U+FFFD. */
export function byteLevelStep(): DecodeStep {
  // Keeps U+FEFF, which decoders remove as a byte order mark by default.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return {
    push: (text, pass) => {
      let bytes = bytesOfToken.get(text);
      if (!bytes) {
        bytes = bytesOf(text);
        if (bytesOfToken.size >= MAX_KEPT) bytesOfToken.clear();
        bytesOfToken.set(text, bytes);
      }
      pass(decoder.decode(bytes, { stream: true }));
    },
    end: (pass) => pass(decoder.decode()),
  };
}

/** Decodes runs of tokens such as <0x0A> as UTF-8; invalid ones become U+FFFD each. */
export function byteFallbackStep(): DecodeStep {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
  let held: number[] = [];
  const release = (pass: Pass) => {
    if (held.length === 0) return;
    const bytes = Uint8Array.from(held);
    held = [];
    try {
      pass(decoder.decode(bytes));
    } catch {
      for (let i = 0; i < bytes.length; i++) pass('\ufffd'); // tokens of their own, for the steps after this one
    }
  };
  return {
    push: (text, pass) => {
      const byte = byteOf(text);
      if (byte !== undefined) held.push(byte);
      else {
        release(pass);
        pass(text);
      }
    },
    end: release,
  };
}

/** Removes at most `start` copies of a character at the start of a token, and `stop` at its end. */
export function stripped(text: string, content: string, start: number, stop: number): string {
  let from = 0;
  let to = text.length;
  for (let n = 0; n < start && text.startsWith(content, from); n++) from += content.length;
  for (let n = 0; n < stop && to - content.length >= from && text.endsWith(content, to); n++) to -= content.length;
  return text.slice(from, to);
}

/** As `stripped`, for a joined token that arrives in parts. */
export function stripStep(content: string, start: number, stop: number): DecodeStep {
  let left = start;
  let held = ''; // what may be its end
  return {
    push: (text, pass) => {
      let rest = text;
      for (; left > 0 && rest.startsWith(content); left--) rest = rest.slice(content.length);
      if (rest === '') return;
      left = 0;
      const all = held + rest;
      let to = all.length;
      for (let n = 0; n < stop && all.endsWith(content, to); n++) to -= content.length;
      held = all.slice(to);
      pass(all.slice(0, to));
    },
    end: (pass) => pass(stripped(held, content, 0, stop)),
  };
}
