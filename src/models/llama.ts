/**
 * Llama (transformers models/llama), including 1.58-bit checkpoints: ternary projections are handled by `Linear`. BitNet b1.58 2B4T
 * (transformers models/bitnet) adds a squared ReLU and norms before the two output projections.
 */
import { readActivation } from './activation.ts';
import type { ConfigReader } from './config.ts';
import { configureDecoder, type DecoderConfig, decoder, decoderNames, withHead } from './decoder.ts';
import { gatedMlp, type MlpConfig } from './gated-mlp.ts';
import type { Family } from './model.ts';

export interface LlamaConfig extends DecoderConfig, MlpConfig {}

/** Defaults of transformers for missing keys of a `bitnet` (models/bitnet/configuration_bitnet.py). */
const BITNET = {
  vocabSize: 128256,
  dModel: 2560,
  dInner: 6912,
  nLayers: 30,
  nHeads: 20,
  nKeyHeads: 5,
  eps: 1e-5,
  theta: 500000,
};

function configure(json: ConfigReader): LlamaConfig {
  const bitnet = json.is('model_type', 'bitnet');
  const common = bitnet ? configureDecoder(json, BITNET) : configureDecoder(json);
  const activation = readActivation(json, bitnet ? ['relu2', 'silu'] : ['silu', 'relu2']);
  json.choice('rope_interleaved', [false]);
  json.choice('parallel_attn', [false]);
  json.ignore('activation'); // Falcon3's second name of hidden_act
  return {
    ...common,
    mlpBias: common.mlpBias && !bitnet, // not a key of BitNet's configuration
    activation,
    subNorms: bitnet,
    attentionScale: 1 / Math.sqrt(common.dHead),
    embeddingScale: 1,
    residualScale: 1,
    logitsScale: 1,
  };
}

export const llama: Family<LlamaConfig> = {
  name: 'llama',
  matches: ({ model_type }) => model_type === 'llama' || model_type === 'bitnet',
  configure,
  rename: (name) => (decoderNames.isBuffer(name) ? undefined : decoderNames.prefixed(name)),
  copies: decoderNames.copies,
  withHead,
  build: (config, weights) =>
    decoder(config, weights, (layer, part, reads) => gatedMlp(layer.at('mlp'), part, reads, config)),
};
