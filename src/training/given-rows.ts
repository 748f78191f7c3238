/** Rows of token ids that a configuration gives itself: used in their order, and from the start again at the end. */
import { UsageError } from '../base/errors.ts';
import type { Rows } from './places.ts';

/** Throws UsageError for an id that the model does not have. */
export function givenRows(ids: readonly (readonly number[])[], vocabSize: number): Rows {
  ids.forEach((row, i) => {
    const wrong = row.find((id) => id >= vocabSize);
    if (wrong !== undefined)
      throw new UsageError(`row ${i} of data.ids has the id ${wrong}; the model has ids from 0 to ${vocabSize - 1}.`);
  });
  return { count: ids.length, row: async (place) => ({ ids: ids[place % ids.length] as readonly number[] }) };
}
