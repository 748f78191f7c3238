/** The key that clients show, as `authorization: Bearer KEY`. */
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { ApiError } from './api-error.ts';

const digestOf = (key: string) => sha256(utf8ToBytes(key));

/** Returns a check of requests. It takes the same time whatever key comes, and throws ApiError 401 when it is not the key. */
export function keyCheck(key: string): (request: Request) => void {
  const wanted = digestOf(key);
  return (request) => {
    const [, given] = /^Bearer (.*)$/is.exec(request.headers.get('authorization') ?? '') ?? [];
    const digest = digestOf(given ?? '');
    let difference = given === undefined ? 1 : 0;
    for (let i = 0; i < wanted.length; i++) difference |= (wanted[i] as number) ^ (digest[i] as number);
    if (difference === 0) return;
    throw new ApiError(
      401,
      given === undefined
        ? "this server wants an API key: send the header 'authorization: Bearer KEY'."
        : 'the API key is wrong.',
      { code: 'invalid_api_key' },
    );
  };
}
