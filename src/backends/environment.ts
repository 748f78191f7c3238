/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Names of what browsers and Node have, for projects whose types know neither (`lib` without DOM, no `@types/node`): the types of this package
 * can then be read without `skipLibCheck`. Where other types declare them, these add nothing.
 */
export type {};

declare global {
  interface AbortSignal {}
  interface Blob {}
  interface Headers {}
  interface RequestInit {}
  interface Response {}
  interface URL {}
  namespace WebAssembly {
    interface Memory {}
    interface Module {}
  }
}
