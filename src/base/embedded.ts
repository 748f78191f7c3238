/** Bytes that are part of the library, as the build writes them into modules: compressed by gzip, as base64. */
export function unpacked(base64: string): Response {
  const compressed = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return new Response(new Blob([compressed]).stream().pipeThrough(new DecompressionStream('gzip')));
}
