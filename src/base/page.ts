/** The page that this code runs for: in a worker another than its own script, which tells its address here. */
export const page = { address: globalThis.location?.href as string | undefined };
