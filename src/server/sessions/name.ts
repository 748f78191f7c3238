/** Names of sessions, which are also names of files. */
import * as v from 'valibot';
import { kind } from '../../options/option.ts';

export const SESSION_NAME = kind<string>(
  'a name of at most 64 letters a to z, digits, - and _',
  v.pipe(v.string(), v.regex(/^[a-z0-9_-]{1,64}$/)),
);
