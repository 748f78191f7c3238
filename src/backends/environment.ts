/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Declares types of browsers and Node for projects that have neither (`lib` without DOM, no `@types/node`), so that the types of this
 * package can be read without `skipLibCheck`. When other types declare them, these add nothing.
 */
export type {};

declare global {
  interface AbortController {}
  interface AbortSignal {}
  interface Blob {}
  interface Headers {}
  interface ReadableStream<R> {}
  interface Request {}
  interface RequestInit {}
  interface Response {}
  interface URL {}
  namespace WebAssembly {
    interface Memory {}
    interface Module {}
  }
}
