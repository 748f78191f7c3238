/** The same shape with random numbers twice: a folder for this library, and a GGUF file. */
import { mkdirSync } from 'node:fs';
import { writeGguf } from '../../dist/bench/peers/gguf.js';
import { writeSynthetic } from '../../dist/bench/synthetic.js';

/** config.json of a shape, with fewer layers where that is wanted. */
export function configOf({ published }, layers) {
  const config = { ...published.config };
  for (const key of ['num_hidden_layers', 'n_layer']) if (layers && key in config) config[key] = layers;
  return config;
}

/** Writes a new folder. With experts, embeddings must differ, or all tokens would go to the same ones. */
export function writeFolder({ published }, folder, config) {
  mkdirSync(folder);
  writeSynthetic(published, folder, { config, dense: 'num_local_experts' in config });
}

/** Writes a new file; its size in bytes. */
export function writeFile({ gguf }, file, config, format) {
  const { metadata, tensors } = gguf(config, format);
  return writeGguf(file, metadata, tensors);
}
