/** Checkpoints of the goldens with one number replaced. */
import { readdirSync, readFileSync } from 'node:fs';
import { golden } from './cli/cli.ts';

/** The files of a golden checkpoint in which the first number of this tensor, whose name ends so, is `value`: one that bf16 can say. */
export function damaged(name: string, tensor: string, value: number): Map<string, Uint8Array> {
  const files = new Map(readdirSync(golden(name)).map((file) => [file, readFileSync(`${golden(name)}/${file}`)]));
  const weights = files.get('model.safetensors') as Buffer;
  const headerBytes = Number(weights.readBigUInt64LE(0));
  const header = JSON.parse(weights.subarray(8, 8 + headerBytes).toString());
  const stored = Object.keys(header).find((key) => key.endsWith(tensor)) as string;
  const { dtype, data_offsets } = header[stored] as { dtype: string; data_offsets: [number, number] };
  const at = 8 + headerBytes + data_offsets[0];
  const float = Buffer.alloc(4);
  float.writeFloatLE(value);
  if (dtype === 'BF16') float.copy(weights, at, 2, 4);
  else if (dtype === 'F32') float.copy(weights, at);
  else throw new Error(`${tensor} is ${dtype}`);
  return files;
}
