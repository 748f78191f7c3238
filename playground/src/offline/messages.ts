/** What the page and its service worker say to each other. */

/** `control`: answer for this page. `keep`: keep all files of the page. */
export interface FromPage {
  readonly ask: 'control' | 'keep';
}

/** All files of the page are kept. */
export interface ToPage {
  readonly tell: 'kept';
}
