/** All packed formats. To add one: a file here, an entry in this list, and kernels in the backends. */
import type { MatrixFormat } from './format.ts';
import { q4 } from './q4.ts';
import { q8 } from './q8.ts';
import { ternary } from './ternary.ts';

/** Formats of weights, the most accurate first. */
export const MATRIX_FORMATS = [q8, q4, ternary] as const;

export type MatrixFormatName = (typeof MATRIX_FORMATS)[number]['name'];

const all: readonly MatrixFormat[] = MATRIX_FORMATS;

/** The format of this name; undefined when there is none. */
export const matrixFormat = (name: string): MatrixFormat | undefined => all.find((format) => format.name === name);
