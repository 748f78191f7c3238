/** The parts of an op are found under its name. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { kernels } from '../../src/backends/reference/kernels.ts';
import { encoders } from '../../src/backends/wasm/encoders.ts';
import { type Op, vocabulary } from '../../src/ops/index.ts';

const root = fileURLToPath(new URL('../../src/', import.meta.url));
const ELEMENTWISE = /^(add|scale|gelu|softplus|negExp|gate)$/;
/** Ops whose rows or bytes are moved by a kernel that others use too. */
const SHARED = /^(concat|gather|copyRows|experts)$/;

const fileOf = (op: string) =>
  ELEMENTWISE.test(op) ? 'elementwise' : op.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

describe.each(vocabulary.map((op) => [op.name, op as unknown as Op<never>] as const))('%s', (name, op) => {
  const exported = (folder: string) => {
    const file = `${root}${folder}/${fileOf(name)}.ts`;
    expect(existsSync(file), file).toBe(true);
    return readFileSync(file, 'utf8');
  };

  it('has its definition and its kernels in files of its name', () => {
    const isExported = new RegExp(`^export (const|function) ${name}\\b`, 'm');
    expect(exported('ops')).toMatch(isExported);
    if (op.view) return;
    if (op.compose) expect(kernels[name]).toBeUndefined();
    else expect(exported('backends/reference')).toMatch(isExported);
    if (!encoders[name]) return expect(op.compose).toBeDefined();
    expect(exported('backends/wasm/encode')).toMatch(isExported);
    if (!SHARED.test(name)) expect(exported('backends/wasm/assembly')).toMatch(/^export function /m);
  });
});
