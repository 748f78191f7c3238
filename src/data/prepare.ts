/** Training data out of what is in memory: ids, texts and records. Works everywhere; for files see prepare-node.ts. */
import { UsageError } from '../base/errors.ts';
import type { ChatTemplate } from '../tokenizer/chat-template.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { TrainingRows } from './batches.ts';
import { documentOf, type TrainingDocument } from './document.ts';
import { type DocumentEncoder, documentEncoder } from './encode.ts';
import { memoryStore } from './memory-store.ts';
import { checkData, type DataOptions, type FilledDataOptions } from './options.ts';
import { identityOf, type PreparedData, preparedFrom } from './prepared.ts';
import { givenRows } from './row-sources.ts';
import { isForValidation } from './split.ts';
import { TokenBuffer } from './token-buffer.ts';

export interface DataContext {
  /** Seed of order and split, unless the options have one. */
  readonly seed: number;
  /** Rows of the model's table of tokens. Ids from there on are refused. */
  readonly vocabSize: number;
  /** Needed for texts. */
  readonly tokenizer?: Tokenizer | undefined;
  /** Needed for chat messages. */
  readonly chatTemplate?: ChatTemplate | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Throws UsageError on a wrong option, on records that cannot be read, and when there are too few tokens for a row. */
export async function prepareMemory(options: DataOptions, context: DataContext): Promise<PreparedData> {
  const data = checkData(options);
  if (data.files !== undefined)
    throw new UsageError('data.files are read in Node only: give data.texts, data.records or data.ids here.');
  if (data.ids) return givenData(data.ids, context);
  const { encode, eosId } = encoderFor(data, context);
  const seed = data.seed ?? context.seed;
  const share = data.validationBy === 'documents' ? data.validation : 0;
  const train = new TokenBuffer();
  const held = new TokenBuffer();
  let number = 0;
  for (const document of documentsIn(data, context)) {
    context.signal?.throwIfAborted();
    (isForValidation(number++, share, seed) ? held : train).add(encode(document));
  }
  const stores = { train: memoryStore(train.take()), validation: share > 0 ? memoryStore(held.take()) : undefined };
  return preparedFrom(stores, data, seed, eosId ?? 0);
}

/** Rows of ids, in order. */
function givenData(ids: readonly (readonly number[])[], { vocabSize }: DataContext): PreparedData {
  ids.forEach((row, i) => {
    const wrong = row.find((id) => id >= vocabSize);
    if (wrong !== undefined)
      throw new UsageError(`row ${i} of data.ids has the id ${wrong}; the model has ids from 0 to ${vocabSize - 1}.`);
  });
  return {
    train: new TrainingRows(givenRows(ids), { identity: identityOf(ids) }),
    validation: undefined,
    tokens: ids.reduce((sum, row) => sum + row.length, 0),
    documents: ids.length,
    close: async () => undefined,
  };
}

/** The encoder of the options. Throws UsageError when there is no tokenizer, or one of another vocabulary. */
export function encoderFor(
  data: FilledDataOptions,
  context: DataContext,
): { encode: DocumentEncoder; eosId: number | undefined } {
  const { tokenizer, chatTemplate, vocabSize } = context;
  if (!tokenizer)
    throw new UsageError('the model has no tokenizer, so that texts cannot be read: name one, or give data.ids.');
  const encode = documentEncoder(tokenizer, chatTemplate, data);
  return {
    eosId: tokenizer.eosId,
    encode(document, part) {
      const encoded = encode(document, part);
      for (const id of encoded.ids)
        if (id >= vocabSize)
          throw new UsageError(
            `the tokenizer gives the id ${id} (${JSON.stringify(tokenizer.piece(id))}), but the model has ids from 0 to ${vocabSize - 1} only: it is the tokenizer of another model.`,
          );
      return encoded;
    },
  };
}

/** A document of nothing but space is left out. */
export const isBlank = (document: TrainingDocument): boolean => document.kind === 'text' && document.text.trim() === '';

function* documentsIn(data: FilledDataOptions, { onWarning }: DataContext): Generator<TrainingDocument> {
  for (const text of data.texts ?? []) {
    const document = { kind: 'text', text } as const;
    if (!isBlank(document)) yield document;
  }
  for (const [i, record] of (data.records ?? []).entries()) {
    const document = readRecord(record, i, data, onWarning);
    if (document && !isBlank(document)) yield document;
  }
}

function readRecord(record: object, i: number, data: FilledDataOptions, onWarning: DataContext['onWarning']) {
  try {
    return documentOf(record, fieldsOf(data));
  } catch (error) {
    const message = `record ${i} of data.records cannot be used: ${(error as Error).message}.`;
    if (data.badRecords === 'error') throw new UsageError(message, { cause: error });
    onWarning?.(`${message} It is left out.`);
    return undefined;
  }
}

export const fieldsOf = ({ field, messages, prompt, completion }: FilledDataOptions) => ({
  field,
  messages,
  prompt,
  completion,
});
