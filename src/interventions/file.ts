/** Files of interventions: JSON, and the name of the safetensors file with their vectors. */
import { quote, UsageError } from '../base/errors.ts';
import type { Intervention } from './intervention.ts';

export interface ParsedFile {
  readonly interventions: readonly Intervention[];
  /** Name of a file beside this one. */
  readonly vectors: string | undefined;
}

/** What a file says, a list or an object with one; the interventions themselves are checked against a model. Throws UsageError. */
export function parseFile(text: string, name: string): ParsedFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${name} is no JSON: ${(error as Error).message}`);
  }
  const { interventions, vectors } = (Array.isArray(value) ? { interventions: value } : (value ?? {})) as Record<
    string,
    unknown
  >;
  if (!Array.isArray(interventions))
    throw new UsageError(`${name} came as ${quote(value)}, wanted { "version": 1, "interventions": [ … ] }.`);
  if (vectors !== undefined && (typeof vectors !== 'string' || vectors === ''))
    throw new UsageError(`${name}: "vectors" came as ${quote(vectors)}, wanted the name of a safetensors file.`);
  checkKeys(value as object, name);
  return { interventions: interventions as Intervention[], vectors };
}

function checkKeys(value: object, name: string): void {
  if (Array.isArray(value)) return;
  const known = ['$schema', 'version', 'vectors', 'interventions'];
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new UsageError(`${name} has a key ${quote(unknown)}, wanted ${known.join(', ')}.`);
  const { version = 1 } = value as { version?: unknown };
  if (version !== 1) throw new UsageError(`${name} has version ${quote(version)}; this release understands version 1.`);
}
