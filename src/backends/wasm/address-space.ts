/** What a limit on addresses (`ulimit -v`) means here: engines reserve far more addresses for a memory than it ever uses. */
import { UsageError } from '../../base/errors.ts';

export const ADDRESS_SPACE_ADVICE =
  'WebAssembly reserves some 10 GB of addresses for each of its memories, used or not: lift the limit (ulimit -v unlimited), ' +
  'or set NODE_OPTIONS=--disable-wasm-trap-handler, which reserves less and is slower';

/** A refusal of the engine that a limit of `addressSpaceBytes` explains, in words; any other error as it came. */
export function explainedByLimit(error: unknown, addressSpaceBytes: number | undefined): unknown {
  if (!(error instanceof RangeError) || !/memory/i.test(error.message) || addressSpaceBytes === undefined) return error;
  const allowed = `${(addressSpaceBytes / 1e9).toFixed(1)} GB`;
  return new UsageError(
    `${error.message}, for 'ulimit -v' allows this process ${allowed} of addresses. ${ADDRESS_SPACE_ADVICE}.`,
    { cause: error },
  );
}
