/**
 * What single decoders do, token by token. After a step that joins tokens (ByteLevel, Fuse) there is one token only, which comes in parts
 * and ends with the text.
 */
import { bytesOf } from './byte-level.ts';
import { byteOf } from './byte-tokens.ts';

export type Pass = (text: string) => void;

export interface DecodeStep {
  /** A token, or a part of the one token. Passes on what is certain. */
  push(text: string, pass: Pass): void;
  /** No more comes: passes on what was held back. */
  end(pass: Pass): void;
}

/** Changes tokens, each for itself. */
export function eachStep(change: (text: string) => string): DecodeStep {
  return { push: (text, pass) => pass(change(text)), end: () => {} };
}

/** Waits for the end of the one token, for a step that must see it whole. */
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

/** Tokens in the byte alphabet are bytes of UTF-8; what is none comes out as U+FFFD. */
export function byteLevelStep(): DecodeStep {
  // U+FEFF is kept, which a decoder takes for a mark of byte order unless told otherwise.
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

/** Tokens such as <0x0A>, as many as come in a row, are the UTF-8 of a text, or U+FFFD each when they are none. */
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

/** Takes at most `start` of a character away at the begin of a token, and `stop` at its end. */
export function stripped(text: string, content: string, start: number, stop: number): string {
  let from = 0;
  let to = text.length;
  for (let n = 0; n < start && text.startsWith(content, from); n++) from += content.length;
  for (let n = 0; n < stop && to - content.length >= from && text.endsWith(content, to); n++) to -= content.length;
  return text.slice(from, to);
}

/** As `stripped`, for the one token that comes in parts. */
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
