/**
 * The pre-norm decoder with rotary attention (Llama, arXiv 2302.13971) that Llama and Granite share. Granite's muP multipliers
 * (arXiv 2203.03466) are numbers in the configuration, 1 where a family has none; what feeds forward is the family's own.
 */
import { CheckpointError } from '../errors.ts';
import type { Ops } from '../ops/index.ts';
import type { Tensor } from '../tensor.ts';
import type { Batch } from './batch.ts';
import type { ConfigReader } from './config.ts';
import { type AttentionConfig, groupedAttention, keyValueState } from './grouped-attention.ts';
import type { LanguageModel, ModelFacts, Site, StateTensor } from './model.ts';
import { type RopeConfig, readRope, stretchedPositions } from './rope-config.ts';
import { type RopeFrequencies, ropeFrequencies } from './rope-frequencies.ts';
import { type Rotary, rotary } from './rotary.ts';
import { blockSites, embedSite, modelSites, quantisedSites } from './sites.ts';
import type { Sight, Taps } from './tap.ts';
import type { Weights } from './weights.ts';

export interface DecoderConfig extends AttentionConfig, ModelFacts, RopeConfig {
  readonly contextLength: number;
  /** The head is the embedding. */
  readonly tied: boolean;
  readonly embeddingScale: number;
  /** Of what each branch adds to the residual stream. */
  readonly residualScale: number;
  readonly logitsScale: number;
}

/** What transformers assumes of a Llama, and of all Granites, when a key is missing. */
const DEFAULTS = {
  vocabSize: 32000,
  dModel: 4096,
  dInner: 11008,
  nLayers: 32,
  nHeads: 32,
  /** As many as heads, when undefined. */
  nKeyHeads: undefined as number | undefined,
  eps: 1e-6,
  theta: 10000,
};

/** The keys of config.json that both families spell alike, and what is assumed of missing ones. */
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
    vocabSize: json.count('vocab_size', defaults.vocabSize),
    contextLength: stretchedPositions(rope.ropeScaling, maxPositions),
    tied: json.flag('tie_word_embeddings', false),
  };
}

/** The part of a block that reads one token at a time: x[T, M], normalised -> [T, M] */
export type FeedForward = (ops: Ops, x: Tensor, at: Sight) => Tensor;

export interface DecoderParts {
  feedForward(layer: Weights): FeedForward;
  feedForwardSites(prefix: string): Site[];
}

const block = (w: Weights, i: number, c: DecoderConfig, parts: DecoderParts) => ({
  normAttn: w.tensor('input_layernorm.weight', [c.dModel]),
  attention: groupedAttention(w.at('self_attn'), `blocks.${i}.`, c),
  normMlp: w.tensor('post_attention_layernorm.weight', [c.dModel]),
  feedForward: parts.feedForward(w),
});

type Block = ReturnType<typeof block>;

export class Decoder implements LanguageModel {
  readonly facts: DecoderConfig;
  readonly sites: readonly Site[];
  readonly stateLayout: readonly StateTensor[];
  readonly #embed: Tensor;
  readonly #blocks: readonly Block[];
  readonly #norm: Tensor;
  readonly #head: Tensor;
  readonly #frequencies: RopeFrequencies;

  constructor(c: DecoderConfig, w: Weights, parts: DecoderParts) {
    this.facts = c;
    this.#embed = w.table('model.embed_tokens.weight', c.vocabSize, c.dModel);
    this.#blocks = w.list('model.layers', c.nLayers, (folder, i) => block(folder, i, c, parts));
    this.#norm = w.tensor('model.norm.weight', [c.dModel]);
    this.#head = c.tied ? this.#embed : w.table('lm_head.weight', c.vocabSize, c.dModel);
    this.#frequencies = ropeFrequencies(c, c.dHead); // after the tensors: what they are as wide as can be believed
    this.stateLayout = this.#blocks.flatMap((_, i) => keyValueState(i, c));
    const perBlock = this.#blocks.flatMap(({ attention }, i) => {
      const prefix = `blocks.${i}.`;
      return [
        ...blockSites(prefix),
        ...parts.feedForwardSites(prefix),
        ...(attention.quantises ? quantisedInputs(prefix) : []),
      ];
    });
    this.sites = [...embedSite(), ...perBlock, ...modelSites()];
  }

  forward(ops: Ops, batch: Batch, taps: Taps): Tensor {
    const c = this.facts;
    const at = taps.at('');
    const angles = rotary(ops, batch, this.#frequencies);
    const ids = batch.feed(ops, (given) => given.ids, [batch.length]);
    let x = at('embed', ops.embed(this.#embed, ids, c.embeddingScale)); // [T, M]
    this.#blocks.forEach((b, i) => {
      const sight = taps.at(`blocks.${i}.`);
      x = ops.scope(() => this.#block(ops, b, x, batch, angles, sight));
    });
    return at('hidden', ops.rmsNorm(x, this.#norm, c.eps));
  }

  logits(ops: Ops, hidden: Tensor): Tensor {
    return ops.scale(ops.linear(hidden, this.#head), this.facts.logitsScale);
  }

  #block(ops: Ops, b: Block, input: Tensor, batch: Batch, angles: Rotary, at: Sight): Tensor {
    const { eps, residualScale } = this.facts;
    const pre = at('residPre', input);
    const attended = b.attention(ops, at('attnIn', ops.rmsNorm(pre, b.normAttn, eps)), batch, angles, at);
    const mid = at('residMid', ops.add(pre, at('attnOut', attended), residualScale));
    const fed = b.feedForward(ops, at('mlpIn', ops.rmsNorm(mid, b.normMlp, eps)), at);
    return at('residPost', ops.add(mid, at('mlpOut', fed), residualScale));
  }
}

const quantisedInputs = (prefix: string): Site[] =>
  (
    [
      ['attnIn', '[T, M]'],
      ['z', '[T, H D]'],
      ['mlpIn', '[T, M]'],
      ['mlpHidden', '[T, F]'],
    ] as const
  ).flatMap(([name, axes]) => quantisedSites(prefix, name, axes));

/** Names that both families' checkpoints may carry and that mean nothing here, or a copy. */
export const decoderNames = {
  isBuffer: (name: string) => name.endsWith('rotary_emb.inv_freq'),
  /** As transformers: the prefix of the model without its head may be missing, or be there once too often. */
  prefixed: (name: string) =>
    /^(embed_tokens|layers|norm)\./.test(name) ? `model.${name}` : name.replace(/^model\.(?=(model|lm_head)\.)/, ''),
  copies: ({ tied }: { tied: boolean }): Record<string, string> =>
    tied ? { 'lm_head.weight': 'model.embed_tokens.weight' } : {},
};

export const withHead = <C extends { readonly tied: boolean }>(config: C, own: boolean): C => ({
  ...config,
  tied: !own,
});
