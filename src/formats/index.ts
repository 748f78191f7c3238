/** Every packed format. A new one is a file here, its name in this list, and the kernels of the backends that are to compute with it. */
import type { MatrixFormat } from './format.ts';
import { q4 } from './q4.ts';
import { q8 } from './q8.ts';
import { ternary } from './ternary.ts';

/** Of weights, the least loss first. */
export const MATRIX_FORMATS = [q8, q4, ternary] as const;

export type MatrixFormatName = (typeof MATRIX_FORMATS)[number]['name'];

const all: readonly MatrixFormat[] = MATRIX_FORMATS;

/** Undefined when there is none of this name. */
export const matrixFormat = (name: string): MatrixFormat | undefined => all.find((format) => format.name === name);
