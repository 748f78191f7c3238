import { expect, it, vi } from 'vitest';

it.each(['as in Node', 'as in a browser'])(
  'pauses of several schedulers all end, after what waited before (%s)',
  async (where) => {
    vi.resetModules();
    if (where === 'as in a browser') vi.stubGlobal('setImmediate', undefined);
    const { pause } = await import('../../src/base/pause.ts');
    vi.unstubAllGlobals();
    const order: string[] = [];
    const others = Promise.resolve().then(() => order.push('earlier'));
    await Promise.all([pause().then(() => order.push('one')), pause().then(() => order.push('two')), others]);
    expect(order[0]).toBe('earlier');
    expect(order.sort()).toEqual(['earlier', 'one', 'two']);
  },
);
