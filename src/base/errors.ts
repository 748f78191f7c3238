/** Error classes, by what the caller can do. Each message says where the error is, what came, what was wanted, and what to do. */

/** The caller asked for something that does not exist or does not fit. The command line prints one line and exits with 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** The files of a model are damaged, incomplete or not supported. Trying again will not help. */
export class CheckpointError extends Error {
  override name = 'CheckpointError';
}

/** A model needs more memory than there is; `formats` of its weights need less. */
export class ModelMemoryError extends UsageError {
  override name = 'ModelMemoryError';
  readonly neededBytes: number;
  readonly memoryBytes: number;
  /** Formats of weights that fit, with the bytes that the model then needs. */
  readonly formats: readonly { readonly format: string; readonly bytes: number }[];
  constructor(message: string, facts: Pick<ModelMemoryError, 'neededBytes' | 'memoryBytes' | 'formats'>) {
    super(message);
    this.neededBytes = facts.neededBytes;
    this.memoryBytes = facts.memoryBytes;
    this.formats = facts.formats;
  }
}

/** The error for logits from which no token can be chosen. */
export function unusableLogits(what: string): CheckpointError {
  return new CheckpointError(
    `the logits are ${what}: the weights are damaged, or numbers overflowed; try the weights as f32.`,
  );
}

/** A download failed. Trying again may help, unless `status` says otherwise. */
export class FetchError extends Error {
  override name = 'FetchError';
  /** HTTP status, when a server answered. */
  readonly status: number | undefined;
  constructor(message: string, options?: ErrorOptions & { status?: number }) {
    super(message, options);
    this.status = options?.status;
  }
}

/** A forward pass computed NaN or infinity; thrown only with the option `check`. */
export class NotFiniteError extends Error {
  override name = 'NotFiniteError';
  readonly op: string;
  /** The site that is shown next after the op; undefined after the last one. */
  readonly site: string | undefined;
  constructor({ op, site }: { op: string; site: string | undefined }) {
    super(
      `'${op}'${site === undefined ? '' : ` on the way to site '${site}'`} gave the first NaN or infinity of this pass. Look for such numbers in the ` +
        'weights that it reads, or capture the sites before it.',
    );
    this.op = op;
    this.site = site;
  }
}

/** Formats a value for a message: JSON, shortened. Works for every value, however deeply nested. */
export function quote(value: unknown, maxLength = 60): string {
  if (typeof value === 'number' || value === undefined) return String(value); // NaN and Infinity are no JSON
  if (typeof value !== 'object' && typeof value !== 'string' && typeof value !== 'boolean') return `a ${typeof value}`;
  try {
    return String(JSON.stringify(value)).slice(0, maxLength);
  } catch {
    return 'a deeply nested value';
  }
}

/** An op got tensors of the wrong shape or type: an error in a model file or in this library. */
export class ShapeError extends Error {
  override name = 'ShapeError';
  constructor(op: string, problem: string) {
    super(`${op}: ${problem}`);
  }
}
