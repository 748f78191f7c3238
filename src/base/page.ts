/** The page that this code runs for: in a worker another address than that of its script, which tells it here. */
export const page: { address: string | undefined } = { address: undefined };

/** Against which relative addresses are resolved; undefined in programs. */
export const pageAddress = (): string | undefined => page.address ?? globalThis.location?.href;
