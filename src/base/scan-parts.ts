/** Channels whose gradients of B and C are added up separately in backward scans: no bit may depend on the number of threads, but all should have work. */

/** Channels that are computed together. */
export const SCAN_CHANNELS = 16;
const MOST_PARTS = 16;

export const scanParts = (channels: number): number => Math.min(MOST_PARTS, Math.ceil(channels / SCAN_CHANNELS));
