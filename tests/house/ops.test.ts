/** The parts of an op are found under its name. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { kernels } from '../../src/backends/reference/kernels.ts';
import { encoders } from '../../src/backends/wasm/encoders.ts';
import { type Op, vocabulary } from '../../src/ops/index.ts';

const root = fileURLToPath(new URL('../../src/', import.meta.url));
/** Files that several ops share, for all their parts. */
const GROUPS: readonly (readonly [file: string, ops: RegExp])[] = [
  ['elementwise', /^(add|scale|gelu|softplus|negExp|gate)$/],
  ['round-in-training', /^train(Ternary|Int8)$/],
  ['backward/elementwise-backward', /^(multiply|(gelu|softplus|gate)Backward)$/],
  ['backward/norm-backward', /^(layer|rms)NormBackward$/],
];
/** Ops whose rows, bytes or products are computed by a kernel that others use too. */
const SHARED =
  /^(concat|gather|copyRows|experts|expertLinear|expertLinearBackward|addExpertOuter|accumulate|addOuter|linearBackward|linearTernaryBackward|multiply|geluBackward|softplusBackward|gateBackward|balanceLoadBackward|expertOutputsBackward)$/;
/** Files of the reference backend that have the kernels of several ops. */
const REFERENCE: typeof GROUPS = [
  ['training', /^(train(Ternary|Int8)|sumSquares|adamw)$/],
  ['cross-entropy', /^crossEntropyBackward$/],
  ['balance-load', /^balanceLoadBackward$/],
  ['expert-linear', /^(expertLinearBackward|addExpertOuter)$/],
  ['backward/elementwise', /^(multiply|(gelu|softplus|gate)Backward|repeatHeads)$/],
  ['backward/linear', /^linear(Ternary)?Backward$/],
  ['backward/accumulate', /^add(Outer|Columns|Rows)$/],
  ['backward/norms', /^(layer|rms)NormBackward$/],
  ['backward/recurrence', /^(causalConv|selectiveScan)Backward$/],
  ['backward/attention', /^attentionBackward$/],
  ['backward/experts', /^(expertGates|sumSlots|expertOutputs)Backward$/],
];

/** Files of encoders likewise. */
const ENCODERS: typeof GROUPS = [['backward/expert-linear-backward', /^addExpertOuter$/]];

const fileOf = (op: string, groups = GROUPS) => {
  const group = groups.find(([, ops]) => ops.test(op));
  if (group) return group[0];
  const file = op.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return existsSync(`${root}ops/backward/${file}.ts`) ? `backward/${file}` : file;
};

describe.each(vocabulary.map((op) => [op.name, op as unknown as Op<never>] as const))('%s', (name, op) => {
  const exported = (folder: string) => {
    const own = folder.endsWith('reference') ? REFERENCE : folder.endsWith('encode') ? ENCODERS : [];
    const groups = [...own, ...GROUPS];
    const file = `${root}${folder}/${fileOf(name, groups)}.ts`;
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
