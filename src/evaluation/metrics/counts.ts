/** Lengths of texts as Python counts them. */
import { SPACE } from '../tasks/python-methods.ts';

const SPACES = new RegExp(`${SPACE}+`);

/** Characters are code points. */
export const charactersOf = (text: string): number => [...text].length;

export const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** Pieces between white space; white space at an edge makes an empty piece, which counts. */
export const wordsOf = (text: string): number => text.split(SPACES).length;
