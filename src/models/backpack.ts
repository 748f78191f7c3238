/**
 * Backpack (arXiv 2305.16765, section 3 and appendix A.1; john-hewitt/backpacks-flash-attn models/backpack.py): every token has Z sense
 * vectors, computed from its embedding alone. A GPT-2 trunk computes the weights with which the senses of each earlier token are summed to
 * predict the next token.
 */
import { CheckpointError } from '../base/errors.ts';
import type { Tensor } from '../base/tensor.ts';
import { attention } from './attention.ts';
import { block } from './block.ts';
import type { ConfigReader } from './config.ts';
import { CONV1D, geluMlp } from './gelu-mlp.ts';
import { languageModel } from './language-model.ts';
import type { Family, LanguageModel, ModelFacts, Trunk } from './model.ts';
import { layerNorm } from './norms.ts';
import { type DeclaredSite, Part } from './part.ts';
import { type Layer, type Pass, type RowLayer, throughAll } from './pass.ts';
import { headParameter } from './residual-stream.ts';
import { embedSite, hiddenSite, positionSite } from './sites.ts';
import { withFirstNames } from './spellings.ts';
import { noTaps } from './tap.ts';
import type { Weights } from './weights.ts';

export interface BackpackConfig extends ModelFacts {
  readonly contextLength: number;
  readonly nHeads: number;
  readonly dHead: number;
  readonly dInner: number;
  readonly nSenses: number;
  /** Width of the queries and keys of one sense: M / Z, rounded down. */
  readonly dSense: number;
  /** Hidden width of the sense layer. */
  readonly dSenseInner: number;
  readonly scaleAttention: boolean;
  readonly scaleByLayer: boolean;
  /** Factor of the sum over senses: 1, or 1 / Z in checkpoints trained with Levanter. */
  readonly senseScale: number;
  readonly eps: number;
  /** Is the word embedding also the head? */
  readonly tied: boolean;
}

/** General names for keys of GPT-2's configuration (attribute_map of transformers' GPT2Config). */
const GENERAL_NAMES = [
  ['hidden_size', 'n_embd'],
  ['num_attention_heads', 'n_head'],
  ['num_hidden_layers', 'n_layer'],
  ['max_position_embeddings', 'n_positions'],
] as const;

function configure(json: ConfigReader): BackpackConfig {
  const dModel = json.count('n_embd', 768);
  const nHeads = json.count('n_head', 12);
  const nSenses = json.count('num_senses', 16);
  if (dModel % nHeads !== 0)
    throw new CheckpointError(`config.json has ${nHeads} n_head, wanted a divisor of its n_embd ${dModel}.`);
  if (nSenses > dModel)
    throw new CheckpointError(`config.json has ${nSenses} num_senses, wanted at most its n_embd ${dModel}.`);
  json.choice('activation_function', ['gelu_new']);
  json.ignore('embd_pdrop', 'resid_pdrop', 'attn_pdrop', 'n_ctx', 'reorder_and_upcast_attn');
  json.ignore(
    'summary_type',
    'summary_use_proj',
    'summary_activation',
    'summary_proj_to_labels',
    'summary_first_dropout',
  );
  json.ignore('gradient_checkpointing', 'pad_vocab_size_multiple');
  const levanter = json.is('model_type', 'backpack-gpt2');
  const sum = json.choice('sense_sum', [levanter ? 'mean' : 'sum', 'sum', 'mean']);
  return {
    dModel,
    nHeads,
    dHead: dModel / nHeads,
    nLayers: json.count('n_layer', 12),
    vocabSize: json.count('vocab_size', 50264),
    contextLength: json.count('n_positions', 512),
    dInner: json.count('n_inner', 4 * dModel),
    nSenses,
    dSense: Math.floor(dModel / nSenses),
    dSenseInner: json.count('sense_intermediate_scale', 4) * dModel,
    scaleAttention: json.flag('scale_attn_weights', true),
    scaleByLayer: json.flag('scale_attn_by_inverse_layer_idx', true),
    senseScale: sum === 'mean' ? 1 / nSenses : 1,
    eps: json.positive('layer_norm_epsilon', 1e-5, { zero: true }),
    tied: json.choice('tie_word_embeddings', [true]),
  };
}

const norm = (w: Weights, name: string, c: BackpackConfig) => layerNorm(w, name, c.dModel, c.eps);

/** Block i of the trunk. */
function trunkBlock(w: Weights, part: Part, i: number, c: BackpackConfig): Layer {
  const { dModel, nHeads, dHead } = c;
  const inner = w.at('attn');
  return block(part, {
    normAttention: norm(w, 'ln_1', c),
    attention: (reads) =>
      attention(part, {
        ...{ nHeads, nKeyHeads: nHeads, dHead },
        scale: (c.scaleAttention ? 1 / Math.sqrt(dHead) : 1) / (c.scaleByLayer ? i + 1 : 1),
        qkv: inner.split('c_attn', dModel, [dModel, dModel, dModel], { ...CONV1D, reads }),
        out: (reads) => inner.linear('c_proj', dModel, dModel, { ...CONV1D, reads }),
      }),
    normFeedForward: norm(w, 'ln_2', c),
    feedForward: (reads) => geluMlp(w.at('mlp'), [dModel, c.dInner, dModel], { part, reads }),
  });
}

/** Sense vectors of each token, computed from its embedding: words[n, M] -> [n, Z, M] */
function senseNetwork(w: Weights, c: BackpackConfig): RowLayer {
  const { dModel, nSenses } = c;
  const normIn = norm(w, 'ln', c);
  const normMlp = norm(w.at('block'), 'ln_1', c);
  const mlp = geluMlp(w.at('block.mlp'), [dModel, 4 * dModel, dModel]); // always 4 M; n_inner is not used here
  const normOut = norm(w.at('block'), 'ln_2', c);
  const out = geluMlp(w.at('final_mlp'), [dModel, c.dSenseInner, nSenses * dModel]);
  return (pass, words) => {
    const { ops } = pass;
    // The first norm's output is added to its own input, as in the authors' code, with which the checkpoints were trained.
    const mixed = ops.add(words, normIn(pass, words));
    const mid = ops.add(mixed, mlp(pass, normMlp(pass, mixed)));
    return ops.reshape(out(pass, normOut(pass, mid)), [words.shape[0] as number, nSenses, dModel]);
  };
}

/** Sum of the senses of all earlier tokens, with weights computed from the context: (context[T, M], words[T, M]) -> [T, M] */
function weighSenses(w: Weights, part: Part, embed: DeclaredSite, sensesOf: RowLayer, c: BackpackConfig) {
  const { nSenses, dSense, dModel } = c;
  const context = part.site('context', '[T, M]', 'output of the trunk, from which the sense weights are made');
  const sites = {
    senses: part.site('senses', '[T, Z, M]', 'sense vectors of each token'),
    q: part.site('senseQ', '[T, Z, D]', 'queries of the sense weights'),
    k: part.site('senseK', '[T, Z, D]', 'keys of the sense weights'),
    weights: part.site('senseWeights', '[Z, T, S]', 'how much each sense of each earlier token counts'),
  };
  const width = nSenses * dSense;
  const queriesKeys = w.at('sense_weight_net').split('c_attn', dModel, [width, width], { bias: true, reads: context });
  const past = part.at('senses').keysValues([nSenses, dSense], [nSenses, dModel]);
  return (pass: Pass, from: Tensor, words: Tensor, table: Tensor): Tensor => {
    const { ops, batch, show } = pass;
    const [q0, k0] = queriesKeys(pass, show(context, from)) as [Tensor, Tensor];
    const heads = [batch.length, nSenses, dSense];
    const q = show(sites.q, ops.reshape(q0, heads)); // [T, Z, D]
    const keys = batch.remember(ops, past.k, show(sites.k, ops.reshape(k0, heads)));
    // Senses do not depend on the position: unless a tap may change them, they are computed once for each distinct token.
    const made = (some: Tensor) => ops.scope(() => sensesOf(pass, some)); // [n, M] -> [n, Z, M]
    const senses =
      show.sees(embed) || show.sees(sites.senses)
        ? batch.remember(ops, past.v, show(sites.senses, made(words)))
        : batch.rememberById(ops, past.v, (ids) => made(ops.embed(table, ids)));
    const remembered = { ...batch.keysValues(ops, keys, senses), gains: show.gains(sites.weights) };
    const weighted = ops.attention(q, remembered, 1 / Math.sqrt(dSense), show.each(sites.weights)); // [T, Z, M]
    return ops.sumHeads(weighted, c.senseScale);
  };
}

function build(c: BackpackConfig, w: Weights): LanguageModel {
  const part = new Part();
  const gpt = w.at('gpt2_model');
  const embed = embedSite(part);
  const posEmbed = positionSite(part);
  const words = gpt.table('wte.weight', c.vocabSize, c.dModel);
  const positions = gpt.table('wpe.weight', c.contextLength, c.dModel);
  const blocks = gpt.list('h', c.nLayers, (layer, i) => trunkBlock(layer, part.at(`blocks.${i}`), i, c));
  const normOut = norm(gpt, 'ln_f', c);
  const sensesOf = senseNetwork(w.at('sense_network'), c);
  const weigh = weighSenses(w, part, embed, sensesOf, c);
  const head = c.tied ? words : w.table('lm_head.weight', c.vocabSize, c.dModel);
  const hidden = hiddenSite(part);
  headParameter(part, head);
  const trunk = (pass: Pass): Trunk => {
    const { ops, batch, show } = pass;
    const ids = batch.feed(ops, (given) => given.ids, [batch.length]);
    const places = batch.feed(ops, (given) => given.positions, [batch.length]);
    const embedded = show(embed, ops.embed(words, ids)); // [T, M]
    const x = ops.add(embedded, show(posEmbed, ops.embed(positions, places))); // [T, M]
    return {
      output: throughAll(blocks, pass, x),
      read: (last) => show(hidden, weigh(pass, normOut(pass, last), embedded, words)),
    };
  };
  return languageModel(part, {
    facts: c,
    senses: {
      count: c.nSenses,
      scale: c.senseScale,
      output: 'sense_network.final_mlp.c_proj',
      vectors: (ops, ids) => sensesOf({ ops, show: noTaps }, ops.embed(words, ids)),
      directions: (ops, ids) => ops.embed(head, ids),
    },
    trunk,
    logits: (ops, x) => ops.linear(x, head),
  });
}

/** Causal-mask buffers that older versions of transformers stored. */
const MASKS = /^gpt2_model\.h\.\d+\.attn\.(bias|masked_bias)$/;

export const backpack: Family<BackpackConfig> = {
  name: 'backpack',
  // stanfordnlp/backpack-gpt2 has model_type `gpt2`; it is recognised by its num_senses.
  matches: ({ num_senses, model_type, architectures }) =>
    num_senses !== undefined ||
    model_type === 'backpack-gpt2' ||
    [architectures].flat().some((name) => typeof name === 'string' && name.startsWith('Backpack')),
  translate: (json) => withFirstNames(json, GENERAL_NAMES),
  configure,
  rename(stored) {
    const name = stored.replace(/^backpack\./, '');
    return MASKS.test(name) ? undefined : name;
  },
  storedName: (name) => (name === 'lm_head.weight' ? name : `backpack.${name}`),
  copies: ({ tied }): Record<string, string> => ({
    'word_embeddings.weight': 'gpt2_model.wte.weight',
    'position_embeddings.weight': 'gpt2_model.wpe.weight',
    ...(tied ? { 'lm_head.weight': 'gpt2_model.wte.weight' } : {}),
  }),
  withHead: (config, own) => ({ ...config, tied: !own }),
  usualTokenizer: 'openai-community/gpt2', // the published checkpoint has none; its model card uses this one
  ignoresTiedHead: () => true, // the authors' code always shares the parameter, whatever is stored
  build,
};
