/**
 * The pre-norm decoder with rotary attention (Llama, arXiv 2302.13971), shared by Llama and Granite. Granite's muP multipliers (arXiv
 * 2203.03466) are numbers in the configuration, 1 for Llama. Each family supplies its feed-forward network.
 */
import { CheckpointError } from '../base/errors.ts';
import { type Attention, attention } from './attention.ts';
import { block } from './block.ts';
import type { ConfigReader } from './config.ts';
import { languageModel } from './language-model.ts';
import type { LanguageModel, ModelFacts, Trunk } from './model.ts';
import { rmsNorm } from './norms.ts';
import { type DeclaredSite, Part } from './part.ts';
import { type Layer, type Pass, throughAll } from './pass.ts';
import { readByHead } from './residual-stream.ts';
import { type RopeConfig, readRope, stretchedPositions } from './rope-config.ts';
import { ropeFrequencies } from './rope-frequencies.ts';
import { rotary } from './rotary.ts';
import { embedSite, hiddenSite } from './sites.ts';
import type { Weights } from './weights.ts';

export interface DecoderConfig extends ModelFacts, RopeConfig {
  readonly nHeads: number;
  readonly nKeyHeads: number;
  readonly dHead: number;
  /** Factor of q k before the softmax. */
  readonly attentionScale: number;
  readonly attentionBias: boolean;
  /** BitNet 2B-4T has norms before the output projections. */
  readonly subNorms: boolean;
  readonly eps: number;
  readonly contextLength: number;
  /** Is the embedding also the head? */
  readonly tied: boolean;
  readonly embeddingScale: number;
  /** The token whose embedding learns nothing from being read, as in transformers (torch.nn.Embedding's padding_idx). */
  readonly paddingId: number | undefined;
  /** Factor of what each branch adds to the residual stream. */
  readonly residualScale: number;
  readonly logitsScale: number;
}

/** Defaults of transformers for missing keys of Llama and Granite configurations. */
const DEFAULTS = {
  vocabSize: 32000,
  dModel: 4096,
  dInner: 11008,
  nLayers: 32,
  nHeads: 32,
  /** Undefined: as many as query heads. */
  nKeyHeads: undefined as number | undefined,
  eps: 1e-6,
  theta: 10000,
};

/** Reads the keys of config.json that both families share. */
export function configureDecoder(json: ConfigReader, defaults = DEFAULTS) {
  const dModel = json.count('hidden_size', defaults.dModel);
  const nHeads = json.count('num_attention_heads', defaults.nHeads);
  const sameHeads = json.is('num_key_value_heads', null) || defaults.nKeyHeads === undefined;
  const nKeyHeads = json.count('num_key_value_heads', sameHeads ? nHeads : defaults.nKeyHeads);
  if (nHeads % nKeyHeads !== 0) {
    throw new CheckpointError(
      `config.json has ${nHeads} num_attention_heads, wanted a multiple of its ${nKeyHeads} num_key_value_heads.`,
    );
  }
  const dHead = json.has('head_dim') ? json.count('head_dim') : dModel / nHeads;
  if (dHead % 2 !== 0) {
    throw new CheckpointError(
      `config.json makes heads ${dHead} wide (head_dim, or hidden_size / num_attention_heads); rotary positions want an even width.`,
    );
  }
  const maxPositions = json.count('max_position_embeddings', 2048);
  const rope = readRope(json, maxPositions, defaults.theta);
  const vocabSize = json.count('vocab_size', defaults.vocabSize);
  json.passOver('sliding_window', 'use_sliding_window', 'layer_types'); // every layer attends to everything, as in the reference
  return {
    dModel,
    nHeads,
    nKeyHeads,
    dHead,
    attentionBias: json.flag('attention_bias', false),
    nLayers: json.count('num_hidden_layers', defaults.nLayers),
    dInner: json.count('intermediate_size', defaults.dInner),
    mlpBias: json.flag('mlp_bias', false),
    eps: json.positive('rms_norm_eps', defaults.eps, { zero: true }),
    ...rope,
    vocabSize,
    paddingId: json.row('pad_token_id', vocabSize),
    contextLength: stretchedPositions(rope.ropeScaling, maxPositions),
    tied: json.flag('tie_word_embeddings', false),
  };
}

/** The feed-forward network of one layer, whose input is the site `reads`: x[T, M], normalised -> [T, M] */
export type FeedForward = (layer: Weights, part: Part, reads: DeclaredSite) => Layer;

function decoderBlock(w: Weights, part: Part, c: DecoderConfig, feedForward: FeedForward): Layer {
  return block(part, {
    normAttention: rmsNorm(w, 'input_layernorm', c.dModel, c.eps),
    attention: (reads) => decoderAttention(w.at('self_attn'), part, reads, c),
    normFeedForward: rmsNorm(w, 'post_attention_layernorm', c.dModel, c.eps),
    feedForward: (reads) => feedForward(w, part, reads),
    residualScale: c.residualScale,
  });
}

function decoderAttention(w: Weights, part: Part, reads: DeclaredSite, c: DecoderConfig): Attention {
  const { nHeads, nKeyHeads, dHead, attentionBias: bias } = c;
  const [width, keyWidth] = [nHeads * dHead, nKeyHeads * dHead];
  return attention(part, {
    ...{ nHeads, nKeyHeads, dHead, scale: c.attentionScale },
    qkv: w.linears(['q_proj', 'k_proj', 'v_proj'], c.dModel, [width, keyWidth, keyWidth], { bias, reads }),
    out: (reads) => w.linear('o_proj', width, c.dModel, { bias, reads }),
    subNorm: c.subNorms ? rmsNorm(w, 'attn_sub_norm', width, c.eps) : undefined,
  });
}

export function decoder(c: DecoderConfig, w: Weights, feedForward: FeedForward): LanguageModel {
  const part = new Part();
  const embed = embedSite(part);
  part.adds(embed);
  const words = w.table('model.embed_tokens.weight', c.vocabSize, c.dModel);
  const blocks = w.list('model.layers', c.nLayers, (layer, i) =>
    decoderBlock(layer, part.at(`blocks.${i}`), c, feedForward),
  );
  const norm = rmsNorm(w, 'model.norm', c.dModel, c.eps);
  const head = c.tied ? words : w.table('lm_head.weight', c.vocabSize, c.dModel);
  const hidden = hiddenSite(part);
  const residualStream = readByHead(part, norm, head, c.logitsScale);
  const frequencies = ropeFrequencies(c, c.dHead); // after the tensors, whose shapes confirm the head width
  const trunk = ({ ops, batch, show }: Pass): Trunk => {
    const pass = { ops, batch, show, angles: rotary(ops, batch, frequencies) };
    const ids = batch.feed(ops, (given) => given.ids, [batch.length]);
    const x = show(embed, ops.embed(words, ids, c.embeddingScale, c.paddingId)); // [T, M]
    return { output: throughAll(blocks, pass, x), read: (last) => show(hidden, norm(pass, last)) };
  };
  return languageModel(part, {
    facts: c,
    residualStream,
    trunk,
    logits: (ops, x) => ops.scale(ops.linear(x, head), c.logitsScale),
  });
}

/** Tensor names that may appear in both families' checkpoints and are not needed, or are copies. */
export const decoderNames = {
  isBuffer: (name: string) => name.endsWith('rotary_emb.inv_freq'),
  /** As transformers: the prefix `model.` may be missing, or appear twice. */
  prefixed: (name: string) =>
    /^(embed_tokens|layers|norm)\./.test(name) ? `model.${name}` : name.replace(/^model\.(?=(model|lm_head)\.)/, ''),
  copies: ({ tied }: { tied: boolean }): Record<string, string> =>
    tied ? { 'lm_head.weight': 'model.embed_tokens.weight' } : {},
};

export const withHead = <C extends { readonly tied: boolean }>(config: C, own: boolean): C => ({
  ...config,
  tied: !own,
});
