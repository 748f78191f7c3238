/** What the reference implementations computed: see tools/reference/make_goldens.py. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { TypedArray } from '../src/base/tensor.ts';
import { localFolder } from '../src/checkpoint/folder-node.ts';
import { readSafetensors } from '../src/checkpoint/safetensors.ts';
import type { Source } from '../src/checkpoint/source.ts';

const root = fileURLToPath(new URL('./golden/', import.meta.url));
const models = fileURLToPath(new URL('../models/', import.meta.url));

export interface Golden {
  readonly name: string;
  /** Folder of the checkpoint. */
  readonly folder: string;
  readonly about: string;
  readonly ids: readonly number[];
  /** 64 greedy tokens after `ids`. */
  readonly greedy: readonly number[];
  /** How far the closest decision is from falling the other way: of a token, an expert, the rounding of an int8 activation. */
  readonly margins: { readonly greedy: number; readonly experts?: number; readonly rounding?: number };
  /** Every site, and `logits`, in the order of the forward pass. */
  readonly sites: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: TypedArray }>;
}

export function goldenNames(): string[] {
  return readdirSync(root).filter((name) => existsSync(`${root}${name}/golden.safetensors`));
}

export async function readGolden(name: string): Promise<Golden> {
  const folder = `${root}${name}`;
  const notes = JSON.parse(readFileSync(`${folder}/golden.json`, 'utf8')) as Omit<Golden, 'name' | 'folder' | 'sites'>;
  const source = (await localFolder(folder).open('golden.safetensors')) as Source;
  const sites = new Map<string, { shape: readonly number[]; data: TypedArray }>();
  for (const tensor of await readSafetensors(source)) {
    const bytes = new Uint8Array(tensor.byteLength);
    await tensor.read(0, bytes);
    const arrays = { F32: Float32Array, I32: Int32Array, I8: Int8Array } as const;
    const data = new arrays[tensor.dtype as keyof typeof arrays](bytes.buffer);
    if (tensor.name !== 'ids') sites.set(tensor.name, { shape: tensor.shape, data });
  }
  await source.close();
  const shipped = `${models}${name}`;
  return { ...notes, name, sites, folder: existsSync(`${folder}/config.json`) ? folder : shipped };
}
