/** Answers a request for a part of a file, of which all is there. */

/** `range`: as `bytes=0-99` or `bytes=100-`. An answer that is no file stays as it is. */
export async function partOf(whole: Response, range: string): Promise<Response> {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range) ?? [];
  if (whole.status !== 200 || first === undefined) return whole;
  const bytes = await whole.blob();
  const start = Number(first);
  const end = Math.min(last ? Number(last) + 1 : bytes.size, bytes.size);
  const headers = new Headers(whole.headers);
  if (start >= end) {
    headers.set('content-range', `bytes */${bytes.size}`);
    return new Response(null, { status: 416, headers });
  }
  headers.set('content-range', `bytes ${start}-${end - 1}/${bytes.size}`);
  headers.set('content-length', String(end - start));
  return new Response(bytes.slice(start, end), { status: 206, headers });
}
