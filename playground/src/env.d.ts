/** What Vite makes of imports that are no code. */
declare module '*.css';
declare module '*?url&no-inline' {
  const address: string;
  export default address;
}

interface ImportMeta {
  readonly env: { readonly PROD: boolean };
}
