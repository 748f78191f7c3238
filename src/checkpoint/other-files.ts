/** Recognises by their names files that are not weights this library can read. */

type Kinds = readonly (readonly [RegExp, string])[];

/** Files of other programs. */
const FOREIGN: Kinds = [
  [
    /^adapter_(model|config)\./,
    'is a LoRA adapter: merge it into its model with peft (merge_and_unload) and save that',
  ],
  [
    /\.(gguf|ggml)$/,
    'is in the format GGUF or GGML, which is not read here: take the checkpoint in safetensors that it was made from',
  ],
  [/\.onnx(_data)?$/, 'is for ONNX: take the checkpoint that it was made from'],
  [
    /^consolidated\b.*\.(pth|pt|safetensors)$/,
    'is in the layout of its authors: convert it with the scripts of transformers, or take a checkpoint that is converted',
  ],
  [/^tf_model|\.h5$/, 'is for TensorFlow: take the checkpoint in safetensors'],
  [/\.msgpack$/, 'is for Flax: take the checkpoint in safetensors'],
  [/\.npz$/, 'is for MLX: take the checkpoint that it was made from'],
  [
    /\.(mlmodel|mlpackage|tflite|engine|nemo|ot)$/,
    'is in the format of another program: take the checkpoint in safetensors that it was made from',
  ],
];

/** Files that may be readable weights under another name. */
const MISNAMED: Kinds = [
  [/^(model|pytorch_model)-\d+-of-\d+\.(safetensors|bin)$/, 'is one part of several'],
  [/\.(pt|pth|ckpt|bin)$/, 'may be a file of torch.save: if it holds the state dict, rename it to pytorch_model.bin'],
  [
    /\.safetensors$/,
    'has another name than it is looked for under: if it holds the whole model, rename it to model.safetensors',
  ],
];

/** As in `is for ONNX: …`; undefined for files that may be part of a checkpoint. */
export const foreignFile = (name: string): string | undefined => FOREIGN.find(([pattern]) => pattern.test(name))?.[1];

/** Text on the files of a folder without weights; empty when none are recognised. */
export function otherFiles(names: readonly string[]): string {
  for (const [pattern, about] of [...FOREIGN, ...MISNAMED]) {
    const name = names.find((name) => pattern.test(name));
    if (name === undefined) continue;
    if (!about.startsWith('is one part')) return `${name} ${about}.`;
    const [, stem, , ending] = /^(.*)-\d+-of-(\d+)\.(.*)$/.exec(name) ?? [];
    return `${name} ${about}, and ${stem}.${ending}.index.json is missing, which says what is in which: fetch it too.`;
  }
  return '';
}
