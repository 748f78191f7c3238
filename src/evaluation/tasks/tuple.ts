/** A tuple of Python: a list that is written in round brackets. */
export class Tuple extends Array<unknown> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array; // what is made of a tuple by `map` or `slice` is a list
  }
}

export const tupleOf = (...values: readonly unknown[]): Tuple => Tuple.from(values) as Tuple;
