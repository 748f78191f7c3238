/** Messages for system errors in writing. */
import { UsageError } from '../base/errors.ts';

/** An error thrown by Node. */
export type SystemError = Error & { readonly code?: string | undefined };

/** File name that means standard output. */
export const STANDARD_OUTPUT = '-';

/** Makes a UsageError with advice of a known system error; returns others unchanged. */
export function refused(path: string, error: SystemError): Error {
  if (error instanceof UsageError) return error;
  const name = path === STANDARD_OUTPUT ? 'the standard output' : path;
  const reason = {
    ENOENT: 'its folder does not exist',
    ENOTDIR: 'there is a file where a folder is wanted',
    EISDIR: 'it is a folder',
    EACCES: 'this user may not write there',
    EPERM: 'this user may not write there',
    EROFS: 'that disk is read-only',
    ENOSPC: 'the disk is full; make room and try again',
    EDQUOT: "this user's share of the disk is full; make room and try again",
    EFBIG: 'it is larger than that disk or a limit (ulimit -f) allows',
    ELOOP: 'its symbolic links lead in a circle',
    ENAMETOOLONG: 'its name is too long',
    ENXIO: 'it is a socket or a device that nothing serves; give a file or a pipe',
    ENODEV: 'there is no such device',
    EBADF: 'it is not open for writing',
    EPIPE: 'its reader has gone',
    ETXTBSY: 'it is a program that runs',
    EIO: 'the disk or device reports an error',
    EMFILE: 'this process has too many open files (ulimit -n)',
  }[String(error.code)];
  return reason ? new UsageError(`${name} cannot be written: ${reason}.`, { cause: error }) : error;
}
