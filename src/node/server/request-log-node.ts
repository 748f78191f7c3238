/** A log of requests in JSON, a line each, by pino, which is installed only where it is wanted. */
import type { RequestRecord } from '../../server/handler.ts';

export type WriteRecord = (record: RequestRecord) => void;

/** Lines go to standard error. Undefined when pino is not installed. */
export async function openRequestLog(): Promise<WriteRecord | undefined> {
  const pino = await import('pino').then(
    (module) => module.pino,
    () => undefined,
  );
  if (!pino) return undefined;
  const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: 2, sync: true }));
  return ({ error, ...record }) => {
    const about = { ...record, elapsedMs: Math.round(record.elapsedMs * 10) / 10 };
    if (error !== undefined) log.error({ ...about, err: error }, 'request failed');
    else log.info(about, 'request');
  };
}
