/** Tokenizers to test with: small ones that are kept here, and published ones where they lie beside the repository. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createTokenizer, type Tokenizer } from '../../src/tokenizer/tokenizer.ts';

export const FIXTURES = new URL('../fixtures/tokenizer/', import.meta.url);
export const SHARED = new URL('../../../shared/data/tokenizers/', import.meta.url);
export const hasShared = existsSync(SHARED);

export function readJson(url: URL | string) {
  return JSON.parse(readFileSync(url, 'utf8'));
}

export function fixtureNames(): string[] {
  return readdirSync(FIXTURES).map((file) => file.replace('.json', ''));
}

/** A fresh copy of the parsed tokenizer.json of a fixture. */
export function fixtureJson(name: string) {
  return readJson(new URL(`${name}.json`, FIXTURES)).tokenizer;
}

export function fixture(name: string, config?: unknown): Tokenizer {
  return createTokenizer(fixtureJson(name), config);
}

export function shared(path: string): Tokenizer {
  return createTokenizer(readJson(new URL(path, SHARED)), undefined);
}
