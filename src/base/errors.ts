/** Errors by what the caller can do about them. Each message says who complains, what came, what was wanted, what to do. */

/** The caller asked for something that does not exist or does not fit. The command line prints one line and exits with 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** The files of a model are damaged, incomplete or not understood. Trying again will not help. */
export class CheckpointError extends Error {
  override name = 'CheckpointError';
}

/** The logits of a model are such that no token can be chosen. */
export function unusableLogits(what: string): CheckpointError {
  return new CheckpointError(
    `the logits are ${what}: the weights are damaged, or numbers overflowed on the way; try the weights as f32.`,
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

/** A pass through a model gave a number that is NaN or infinite; seen only where passes are checked. */
export class NotFiniteError extends Error {
  override name = 'NotFiniteError';
  readonly op: string;
  /** The site that the op led to; undefined behind the last one. */
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

/** A value that came, as it stands in a message: JSON, cut short. Fails for no value, however deep it is nested. */
export function quote(value: unknown, maxLength = 60): string {
  if (typeof value === 'number' || value === undefined) return String(value); // NaN and Infinity are no JSON
  if (typeof value !== 'object' && typeof value !== 'string' && typeof value !== 'boolean') return `a ${typeof value}`;
  try {
    return String(JSON.stringify(value)).slice(0, maxLength);
  } catch {
    return 'a deeply nested value';
  }
}

/** Tensors of the wrong shape or type met in an op: a mistake in a model file or in this library. */
export class ShapeError extends Error {
  override name = 'ShapeError';
  constructor(op: string, problem: string) {
    super(`${op}: ${problem}`);
  }
}
