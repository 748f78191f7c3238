/**
 * Backpack (arXiv 2305.16765, section 3 and appendix A.1; john-hewitt/backpacks-flash-attn models/backpack.py): every token has Z sense
 * vectors that depend on nothing but itself; a GPT-2 trunk decides how much each sense of each earlier token counts for the next one.
 */
import { CheckpointError } from '../errors.ts';
import type { Ops } from '../ops/index.ts';
import type { Tensor } from '../tensor.ts';
import type { Batch } from './batch.ts';
import type { ConfigReader } from './config.ts';
import type { Family, LanguageModel, ModelFacts, Site, StateTensor } from './model.ts';
import { blockSites, embedSite, mlpSites, modelSites, senseSites } from './sites.ts';
import { withFirstNames } from './spellings.ts';
import { type Sight, type Taps, unseen } from './tap.ts';
import type { Linear, Weights } from './weights.ts';

export interface BackpackConfig extends ModelFacts {
  readonly contextLength: number;
  readonly nHeads: number;
  readonly dHead: number;
  readonly dInner: number;
  readonly nSenses: number;
  /** Width of the queries and keys of one sense: M / Z, rounded down. */
  readonly dSense: number;
  /** Hidden width of the last sense layer. */
  readonly dSenseInner: number;
  readonly scaleAttention: boolean;
  readonly scaleByLayer: boolean;
  /** Of the sum over senses: 1, or 1 / Z in checkpoints trained with Levanter. */
  readonly senseScale: number;
  readonly eps: number;
  /** The head is the embedding of words. */
  readonly tied: boolean;
}

/** Names that transformers gives to keys of GPT-2 in all models (attribute_map of its GPT2Config). */
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

const norm = (w: Weights, name: string, c: BackpackConfig) => {
  const gain = w.tensor(`${name}.weight`, [c.dModel]);
  const bias = w.tensor(`${name}.bias`, [c.dModel]);
  return (ops: Ops, x: Tensor) => ops.layerNorm(x, gain, bias, c.eps);
};

/** GPT-2's Conv1D stores its matrices as [in, out]. */
const CONV1D = { transposed: true, bias: true };

const mlp = (w: Weights, dIn: number, dInner: number, dOut: number) => ({
  in: w.linear('c_fc', dIn, dInner, CONV1D),
  out: w.linear('c_proj', dInner, dOut, CONV1D),
});

const trunkBlock = (w: Weights, c: BackpackConfig) => ({
  normAttn: norm(w, 'ln_1', c),
  qkv: w.at('attn').split('c_attn', c.dModel, [c.dModel, c.dModel, c.dModel], CONV1D),
  out: w.at('attn').linear('c_proj', c.dModel, c.dModel, CONV1D),
  normMlp: norm(w, 'ln_2', c),
  mlp: mlp(w.at('mlp'), c.dModel, c.dInner, c.dModel),
});

const senseNetwork = (w: Weights, c: BackpackConfig) => ({
  norm: norm(w, 'ln', c),
  normMlp: norm(w.at('block'), 'ln_1', c),
  mlp: mlp(w.at('block.mlp'), c.dModel, 4 * c.dModel, c.dModel), // 4 M whatever n_inner says
  normOut: norm(w.at('block'), 'ln_2', c),
  out: mlp(w.at('final_mlp'), c.dModel, c.dSenseInner, c.nSenses * c.dModel),
});

type TrunkBlock = ReturnType<typeof trunkBlock>;

class Backpack implements LanguageModel {
  readonly facts: BackpackConfig;
  readonly sites: readonly Site[];
  readonly stateLayout: readonly StateTensor[];
  readonly #words: Tensor;
  readonly #positions: Tensor;
  readonly #head: Tensor;
  readonly #blocks: readonly TrunkBlock[];
  readonly #normOut;
  readonly #senses: ReturnType<typeof senseNetwork>;
  readonly #senseQueriesKeys;

  constructor(c: BackpackConfig, w: Weights) {
    this.facts = c;
    const trunk = w.at('gpt2_model');
    this.#words = trunk.table('wte.weight', c.vocabSize, c.dModel);
    this.#positions = trunk.table('wpe.weight', c.contextLength, c.dModel);
    this.#blocks = trunk.list('h', c.nLayers, (layer) => trunkBlock(layer, c));
    this.#normOut = norm(trunk, 'ln_f', c);
    this.#senses = senseNetwork(w.at('sense_network'), c);
    const width = c.nSenses * c.dSense;
    this.#senseQueriesKeys = w.at('sense_weight_net').split('c_attn', c.dModel, [width, width], { bias: true });
    this.#head = c.tied ? this.#words : w.table('lm_head.weight', c.vocabSize, c.dModel);
    this.stateLayout = [
      ...this.#blocks.flatMap((_, i) =>
        ['k', 'v'].map((name) => ({ name: `blocks.${i}.${name}`, shape: [c.nHeads, c.dHead], grows: true })),
      ),
      { name: 'senses.k', shape: [c.nSenses, c.dSense], grows: true },
      { name: 'senses.v', shape: [c.nSenses, c.dModel], grows: true },
    ];
    const perBlock = this.#blocks.flatMap((_, i) => [...blockSites(`blocks.${i}.`), ...mlpSites(`blocks.${i}.`)]);
    this.sites = [...embedSite(), ...perBlock, ...senseSites(), ...modelSites()];
  }

  forward(ops: Ops, batch: Batch, taps: Taps): Tensor {
    const c = this.facts;
    const at = taps.at('');
    const t = batch.length;
    const words = at(
      'embed',
      ops.embed(
        this.#words,
        batch.feed(ops, ({ ids }) => ids, [t]),
      ),
    ); // [T, M]
    let x = ops.add(
      words,
      ops.embed(
        this.#positions,
        batch.feed(ops, ({ positions }) => positions, [t]),
      ),
    ); // [T, M]
    this.#blocks.forEach((b, i) => {
      const prefix = `blocks.${i}.`;
      const sight = taps.at(prefix);
      x = ops.scope(() => this.#block(ops, b, i, x, batch, prefix, sight));
    });
    const context = at('context', this.#normOut(ops, x)); // [T, M]

    const [q0, k0] = this.#senseQueriesKeys(ops, context, at, 'context') as [Tensor, Tensor];
    const q = at('senseQ', ops.reshape(q0, [t, c.nSenses, c.dSense])); // [T, Z, D]
    const k = at('senseK', ops.reshape(k0, [t, c.nSenses, c.dSense])); // [T, Z, D]
    const keys = batch.remember(ops, 'senses.k', k);
    // A word has the same senses wherever it stands: unless a tap may change them, they are computed for its first place only.
    const sensesOf = (some: Tensor, at: Sight) => ops.scope(() => this.#sensesOf(ops, some, at)); // [n, M] -> [n, Z, M]
    const senses =
      taps.sees('embed') || taps.sees('senses')
        ? batch.remember(ops, 'senses.v', at('senses', sensesOf(words, at)))
        : batch.rememberById(ops, 'senses.v', (ids) => sensesOf(ops.embed(this.#words, ids), unseen));
    const past = batch.keysValues(ops, keys, senses);
    const weighted = ops.attention(q, past, 1 / Math.sqrt(c.dSense), at.each('senseWeights')); // [T, Z, M]
    return at('hidden', ops.sumHeads(weighted, c.senseScale));
  }

  logits(ops: Ops, hidden: Tensor): Tensor {
    return ops.linear(hidden, this.#head);
  }

  #block(ops: Ops, w: TrunkBlock, i: number, input: Tensor, batch: Batch, prefix: string, at: Sight): Tensor {
    const c = this.facts;
    const heads = [batch.length, c.nHeads, c.dHead];
    const pre = at('residPre', input);
    const [q0, k0, v0] = w.qkv(ops, at('attnIn', w.normAttn(ops, pre)), at, 'attnIn') as [Tensor, Tensor, Tensor];
    const q = at('q', ops.reshape(q0, heads)); // [T, H, D]
    const k = at('k', ops.reshape(k0, heads)); // [T, H, D]
    const v = at('v', ops.reshape(v0, heads)); // [T, H, D]
    const past = batch.rememberKeysValues(ops, prefix, k, v);
    const scale = (c.scaleAttention ? 1 / Math.sqrt(c.dHead) : 1) / (c.scaleByLayer ? i + 1 : 1);
    const z = at('z', ops.attention(q, past, scale, at.each('pattern'))); // [T, H, D]
    const mid = at('residMid', ops.add(pre, at('attnOut', w.out(ops, ops.reshape(z, pre.shape), at, 'z'))));
    const inner = at('mlpHidden', ops.gelu(w.mlp.in(ops, at('mlpIn', w.normMlp(ops, mid)), at, 'mlpIn'))); // [T, F]
    return at('residPost', ops.add(mid, at('mlpOut', w.mlp.out(ops, inner, at, 'mlpHidden'))));
  }

  /** Sense vectors of each token, from its embedding alone: words[T, M] -> [T, Z, M] */
  #sensesOf(ops: Ops, words: Tensor, at: Sight): Tensor {
    const w = this.#senses;
    const through = (layer: { in: Linear; out: Linear }, x: Tensor) =>
      layer.out(ops, ops.gelu(layer.in(ops, x, at, 'senseIn')), at, 'senseInner');
    // The first norm's output is added to its own input: an accident of the authors' code that the checkpoints were trained with.
    const mixed = ops.add(words, w.norm(ops, words));
    const mid = ops.add(mixed, through(w.mlp, w.normMlp(ops, mixed)));
    const { nSenses, dModel } = this.facts;
    return ops.reshape(through(w.out, w.normOut(ops, mid)), [words.shape[0] as number, nSenses, dModel]);
  }
}

/** Causal-mask buffers that older versions of transformers stored. */
const MASKS = /^gpt2_model\.h\.\d+\.attn\.(bias|masked_bias)$/;

export const backpack: Family<BackpackConfig> = {
  name: 'backpack',
  // stanfordnlp/backpack-gpt2 calls itself `gpt2`; what makes it a Backpack are its senses.
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
  copies: ({ tied }): Record<string, string> => ({
    'word_embeddings.weight': 'gpt2_model.wte.weight',
    'position_embeddings.weight': 'gpt2_model.wpe.weight',
    ...(tied ? { 'lm_head.weight': 'gpt2_model.wte.weight' } : {}),
  }),
  withHead: (config, own) => ({ ...config, tied: !own }),
  ignoresTiedHead: () => true, // the authors' code makes one parameter of the two, whatever is stored
  build: (config, weights) => new Backpack(config, weights),
};
