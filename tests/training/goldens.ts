/** What PyTorch computed in training: see tools/reference/make_training.py and tests/golden/training. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { readSafetensors } from '../../src/checkpoint/safetensors.ts';
import type { Source } from '../../src/checkpoint/source.ts';

const root = fileURLToPath(new URL('../golden/', import.meta.url));
const folder = `${root}training`;
const NOT_CASES = ['schedules.json'];

export interface TrainingGolden {
  readonly about: string;
  /** A configuration of a run; `model` is the absolute path of a folder. */
  readonly config: { readonly model: string; readonly steps: number; readonly [key: string]: unknown };
  /** Of each step, before its update. */
  readonly losses: readonly number[];
  /** Before clipping. */
  readonly gradNorms: readonly number[];
  readonly learningRates: readonly number[];
  /** The step whose gradients are in the file; absent when there is no file. */
  readonly gradientsOfStep?: number;
  /** The largest relative effect of rounding to f32 on PyTorch's own numbers. */
  readonly noise: { readonly loss: number; readonly gradNorm: number; readonly gradient: number };
}

export function trainingGoldenNames(): string[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json') && !NOT_CASES.includes(name));
  return files.map((name) => name.replace('.json', ''));
}

export function readTrainingGolden(name: string): TrainingGolden {
  const golden = JSON.parse(readFileSync(`${folder}/${name}.json`, 'utf8')) as TrainingGolden;
  return { ...golden, config: { ...golden.config, model: `${root}${golden.config.model}` } };
}

/** By the names of the checkpoint; undefined for a golden without them. */
export async function goldenGradients(name: string): Promise<Map<string, Float32Array> | undefined> {
  const file = `${name}.gradients.safetensors`;
  if (!existsSync(`${folder}/${file}`)) return undefined;
  return readF32(folder, file);
}

export async function readF32(folder: string, file: string): Promise<Map<string, Float32Array>> {
  const source = (await localFolder(folder).open(file)) as Source;
  const tensors = new Map<string, Float32Array>();
  for (const tensor of await readSafetensors(source)) {
    const bytes = new Uint8Array(tensor.byteLength);
    await tensor.read(0, bytes);
    tensors.set(tensor.name, new Float32Array(bytes.buffer));
  }
  await source.close();
  return tensors;
}

/** Norm of the difference as a share of the norm of what is wanted. */
export function distance(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let [difference, norm] = [0, 0];
  for (let i = 0; i < wanted.length; i++) {
    difference += ((found[i] as number) - (wanted[i] as number)) ** 2;
    norm += (wanted[i] as number) ** 2;
  }
  return Math.sqrt(difference / norm);
}
