/** Documents to token ids, with the ends that a recipe wants, and with a mask where only a part counts in the loss. */
import { UsageError } from '../base/errors.ts';
import type { ChatTemplate } from '../tokenizer/chat-template.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { TrainingDocument } from './document.ts';

export interface EncodedDocument {
  readonly ids: readonly number[];
  /** For each id, 1 where it counts as a target. Absent: all do. */
  readonly mask?: Uint8Array | undefined;
}

export interface EncoderOptions {
  /** What is added to each document; `{eos}` stands for the end-of-text token. It counts in the loss. Chats are written by their template alone. */
  readonly ends: string;
  /** Adds what the tokenizer adds to a text, such as a begin-of-text. */
  readonly addSpecialTokens: boolean;
  /** Reads names of special tokens in documents as ordinary text. */
  readonly splitSpecialTokens: boolean;
}

/** Which part of a long text this is. */
export interface TextPart {
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

export type DocumentEncoder = (document: TrainingDocument, part?: TextPart) => EncodedDocument;

const END_OF_TEXT = '{eos}';
const WHOLE: TextPart = { isFirst: true, isLast: true };

/** Throws UsageError when the tokenizer lacks what the options want. */
export function documentEncoder(
  tokenizer: Tokenizer,
  chat: ChatTemplate | undefined,
  options: EncoderOptions,
): DocumentEncoder {
  const encode = plainEncoder(tokenizer, options);
  return (document, part = WHOLE) => {
    if (document.kind === 'text') return { ids: encode(document.text, part) };
    if (document.kind === 'completion') {
      const { prompt, completion } = document;
      const ids = encode(prompt + completion, WHOLE);
      const before = encode(prompt, { isFirst: true, isLast: false });
      return masked(ids, [{ from: commonLength(ids, before), to: ids.length }]);
    }
    if (!chat)
      throw new UsageError(
        'these are chat messages, but the model has no chat template: put one beside its tokenizer.json as chat_template.jinja, or train on a text field (data.field)',
      );
    return encodeChat(tokenizer, chat, document);
  };
}

/** Text to ids with what is added before and after. The end is encoded together with the text, since its first characters may join. */
function plainEncoder(tokenizer: Tokenizer, { ends, addSpecialTokens, splitSpecialTokens }: EncoderOptions) {
  const [joined = '', ...further] = ends.split(END_OF_TEXT);
  const { eosId, frontIds } = tokenizer;
  if (further.length > 0 && eosId === undefined)
    throw new UsageError(
      `data.ends is '${ends}', but the tokenizer has no end-of-text token: name a token of its vocabulary there, or set data.ends to ''.`,
    );
  const before = addSpecialTokens ? frontIds : [];
  const framed = addSpecialTokens ? tokenizer.encode('').slice(frontIds.length) : [];
  const after = further.length > 0 && framed.at(-1) === eosId ? framed.slice(0, -1) : framed; // not twice
  const added = further.flatMap((text) => [eosId as number, ...encodeEnd(text)]);
  function encodeEnd(text: string): number[] {
    return text === '' ? [] : tokenizer.encode(text, { addSpecialTokens: false, splitSpecialTokens: false });
  }
  // A name of a special token in `ends` has to become that token also where those in documents are plain text.
  const joins = !splitSpecialTokens;
  return (text: string, { isFirst, isLast }: TextPart): number[] => {
    const body = joins && isLast ? text + joined : text;
    const ids = isFirst ? [...before] : [];
    for (const id of tokenizer.encode(body, { addSpecialTokens: false, splitSpecialTokens })) ids.push(id);
    if (isLast) ids.push(...after, ...(joins ? [] : encodeEnd(joined)), ...added);
    return ids;
  };
}

function encodeChat(
  tokenizer: Tokenizer,
  chat: ChatTemplate,
  { messages, tools }: TrainingDocument & { readonly kind: 'chat' },
): EncodedDocument {
  const { text, answers } = chat.renderAnswers(messages, { tools });
  // Templates write all special tokens themselves.
  const encode = (part: string) => tokenizer.encode(part, { addSpecialTokens: false, splitSpecialTokens: false });
  const ids = encode(text);
  const ranges = answers.map(({ start, end }) => {
    const from = commonLength(ids, encode(text.slice(0, start)));
    const upTo = encode(text.slice(0, end));
    const common = commonLength(ids, upTo);
    // A token that reaches over the end belongs to the answer in whose last characters it begins.
    return { from, to: common < upTo.length ? common + 1 : common };
  });
  return masked(ids, ranges);
}

/** Number of ids that two lists have in common from the beginning. */
function commonLength(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}

function masked(ids: readonly number[], counted: readonly { from: number; to: number }[]): EncodedDocument {
  const mask = new Uint8Array(ids.length);
  for (const { from, to } of counted) mask.fill(1, from, to);
  return { ids, mask };
}
