/**
 * Calls of functions in answers of Granite models. Granite 3 writes a JSON list after `<|tool_call|>` or `<tool_call>`, or alone; Granite 4 writes
 * each call as JSON between `<tool_call>` and `</tool_call>`, with text around. Read as vLLM reads them (tool parsers granite and granite4): what is
 * not whole and right is text.
 */
import type { Tokenizer } from '../tokenizer/tokenizer.ts';

export interface ToolCall {
  readonly name: string;
  /** JSON, as the model gave it. */
  readonly arguments: string;
}

export interface ParsedAnswer {
  /** The text beside the calls; empty when there is none. */
  readonly content: string;
  readonly toolCalls: readonly ToolCall[];
}

const BEGIN = '<tool_call>';
const END = '</tool_call>';
/** A special token in the vocabulary of Granite 3.0. */
const TOKEN = '<|tool_call|>';
const MARKERS = [TOKEN, BEGIN, END];

export function parseToolCalls(text: string): ParsedAnswer {
  return listOfCalls(text) ?? blocksOfCalls(text) ?? { content: text, toolCalls: [] };
}

/** The text of an answer with the markers of calls, which some vocabularies have as special tokens; without all other special tokens. */
export function textWithMarkers(tokenizer: Tokenizer, ids: readonly number[]): string {
  const shown = ids.filter((id) => !tokenizer.specialIds.has(id) || MARKERS.includes(tokenizer.piece(id)));
  return tokenizer.decode(shown, { skipSpecialTokens: false });
}

function listOfCalls(text: string): ParsedAnswer | undefined {
  let rest = text.trim();
  for (const marker of [TOKEN, BEGIN]) if (rest.startsWith(marker)) rest = rest.slice(marker.length);
  const list = parsed(rest);
  const calls = Array.isArray(list) ? list.map(callOf) : [];
  return calls.length > 0 && calls.every((one) => one !== undefined) ? { content: '', toolCalls: calls } : undefined;
}

function blocksOfCalls(text: string): ParsedAnswer | undefined {
  const [before = '', ...blocks] = text.split(BEGIN);
  let content = before;
  const toolCalls: ToolCall[] = [];
  for (const block of blocks) {
    const at = block.indexOf(END);
    const call = at < 0 ? undefined : callOf(parsed(block.slice(0, at)));
    if (!call) return undefined;
    toolCalls.push(call);
    content += block.slice(at + END.length);
  }
  if (toolCalls.length === 0 || content.includes(END)) return undefined;
  return { content: content.trim(), toolCalls };
}

function callOf(value: unknown): ToolCall | undefined {
  if (typeof value !== 'object' || value === null || !('name' in value) || typeof value.name !== 'string')
    return undefined;
  if (!('arguments' in value) || value.arguments === undefined) return undefined;
  const { name, arguments: given } = value;
  return { name, arguments: typeof given === 'string' ? given : JSON.stringify(given) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Divides an answer that comes piece by piece: text as soon as it can be no part of a call, the calls at the end. */
export class ToolCallStream {
  #held = '';
  #shown = false;

  /** Returns the text that is certainly not part of a call. */
  push(text: string): string {
    this.#held += text;
    const begin = this.#held.trimStart();
    // A list counts only at the beginning of an answer.
    const mayBegin = (marker: string) => marker.startsWith(begin) || begin.startsWith(marker);
    if (!this.#shown && ['[', TOKEN, BEGIN].some(mayBegin)) return '';
    const at = this.#held.indexOf(BEGIN);
    const keep = at < 0 ? this.#held.length - overlap(this.#held, BEGIN) : at;
    const shown = this.#held.slice(0, keep);
    this.#held = this.#held.slice(keep);
    if (shown !== '') this.#shown = true;
    return shown;
  }

  /** What was held back: calls, and the rest of the text. */
  end(): ParsedAnswer {
    const held = this.#held;
    this.#held = '';
    if (!this.#shown) return parseToolCalls(held);
    return blocksOfCalls(held) ?? { content: held, toolCalls: [] };
  }
}

/** Length of the longest end of `text` that `marker` begins with. */
function overlap(text: string, marker: string): number {
  for (let n = Math.min(text.length, marker.length - 1); n > 0; n--) if (marker.startsWith(text.slice(-n))) return n;
  return 0;
}
