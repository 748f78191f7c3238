/**
 * Mamba (arXiv 2312.00752; transformers models/mamba, state-spaces/mamba modules/mamba_simple.py): no attention; each block is a gated
 * convolution and a selective state space with a state of fixed size. Understands the spellings of transformers, of state-spaces and
 * of TRI-ML/mamba-7b-rw.
 */
import { CheckpointError, quote } from '../errors.ts';
import type { Ops } from '../ops/index.ts';
import type { Tensor } from '../tensor.ts';
import type { Batch } from './batch.ts';
import type { ConfigReader, JsonObject } from './config.ts';
import type { Family, LanguageModel, ModelFacts, Site } from './model.ts';
import { embedSite, mixerSites, modelSites } from './sites.ts';
import type { StateTensor } from './state.ts';
import type { Sight, Tap } from './tap.ts';
import type { Weights } from './weights.ts';

export interface MambaConfig extends ModelFacts {
  readonly contextLength: undefined;
  readonly dInner: number;
  readonly dState: number;
  readonly dConv: number;
  readonly dtRank: number;
  readonly bias: boolean;
  readonly convBias: boolean;
  readonly eps: number;
  readonly tied: boolean;
}

/** The config.json of state-spaces/mamba, whose vocabulary is padded when the model is made. */
function translate(json: JsonObject): JsonObject {
  if (json.d_model === undefined) return json;
  const { d_model, n_layer, ssm_cfg, tie_embeddings, vocab_size, pad_vocab_size_multiple, ...rest } = json;
  if (typeof (ssm_cfg ?? {}) !== 'object' || Array.isArray(ssm_cfg))
    throw new CheckpointError(`config.json has 'ssm_cfg': ${quote(ssm_cfg)}, wanted an object.`);
  const { d_state, d_conv, expand, dt_rank, ...ssm } = (ssm_cfg ?? {}) as JsonObject;
  const padTo = pad_vocab_size_multiple ?? 1;
  if (typeof padTo !== 'number' || !Number.isInteger(padTo) || padTo < 1) {
    throw new CheckpointError(
      `config.json has 'pad_vocab_size_multiple': ${quote(padTo)}, wanted a whole number from 1 on.`,
    );
  }
  return {
    ...rest,
    ...ssm, // whatever else is set there is then an unknown key
    model_type: 'mamba',
    hidden_size: d_model,
    num_hidden_layers: n_layer,
    vocab_size: typeof vocab_size === 'number' ? Math.ceil(vocab_size / padTo) * padTo : vocab_size,
    state_size: d_state,
    conv_kernel: d_conv,
    expand,
    time_step_rank: dt_rank,
    tie_word_embeddings: tie_embeddings,
  };
}

function configure(json: ConfigReader): MambaConfig {
  json.choice('hidden_act', ['silu']);
  json.choice('rms_norm', [true]);
  json.choice('layer', ['Mamba1']);
  json.ignore('n_layer', 'pad_vocab_size_multiple', 'attn_layer_idx', 'attn_cfg', 'd_intermediate'); // second spellings, other families
  json.ignore('residual_in_fp32', 'fused_add_norm', 'use_mambapy', 'use_associative_scan'); // the residual stream is always f32 here
  json.ignore('rescale_prenorm_residual', 'time_step_min', 'time_step_max', 'time_step_floor', 'time_step_scale');
  json.ignore('time_step_init_scheme'); // initialisation only
  const dModel = json.count('hidden_size');
  const expanded = json.number('expand', 2) * dModel;
  return {
    dModel,
    nLayers: json.count('num_hidden_layers'),
    vocabSize: json.count('vocab_size'),
    contextLength: undefined,
    dInner: json.count('intermediate_size', expanded),
    dState: json.count('state_size', 16),
    dConv: json.count('conv_kernel', 4),
    dtRank: json.is('time_step_rank', 'auto') ? Math.ceil(dModel / 16) : json.count('time_step_rank'),
    bias: json.flag('use_bias', false),
    convBias: json.flag('use_conv_bias', true),
    eps: json.positive('layer_norm_epsilon', 1e-5, { zero: true }),
    tied: json.flag('tie_word_embeddings', true),
  };
}

const block = (layer: Weights, c: MambaConfig) => {
  const w = layer.at('mixer');
  const aLog = w.tensor('A_log', [c.dInner, c.dState]);
  return {
    norm: layer.tensor('norm.weight', [c.dModel]),
    xGate: w.split('in_proj', c.dModel, [c.dInner, c.dInner], { bias: c.bias }),
    conv: w.tensor('conv1d.weight', [c.dInner, c.dConv], [c.dInner, 1, c.dConv]),
    convBias: c.convBias ? w.tensor('conv1d.bias', [c.dInner]) : w.derived([c.dInner], (ops) => ops.zeros([c.dInner])),
    dtBC: w.split('x_proj', c.dInner, [c.dtRank, c.dState, c.dState]),
    dt: w.linear('dt_proj', c.dtRank, c.dInner, { bias: true }),
    a: w.derived([c.dInner, c.dState], (ops) => ops.negExp(aLog)),
    d: w.tensor('D', [c.dInner]),
    out: w.linear('out_proj', c.dInner, c.dModel, { bias: c.bias }),
  };
};

type Block = ReturnType<typeof block>;

class Mamba implements LanguageModel {
  readonly facts: MambaConfig;
  readonly sites: readonly Site[];
  readonly stateLayout: readonly StateTensor[];
  readonly #embed: Tensor;
  readonly #blocks: readonly Block[];
  readonly #norm: Tensor;
  readonly #head: Tensor;

  constructor(c: MambaConfig, w: Weights) {
    this.facts = c;
    this.#embed = w.table('embeddings.weight', c.vocabSize, c.dModel);
    this.#blocks = w.list('layers', c.nLayers, (layer) => block(layer, c));
    this.#norm = w.tensor('norm_f.weight', [c.dModel]);
    this.#head = c.tied ? this.#embed : w.table('lm_head.weight', c.vocabSize, c.dModel);
    this.stateLayout = this.#blocks.flatMap((_, i) => [
      { name: `blocks.${i}.window`, shape: this.#windowShape, grows: false },
      { name: `blocks.${i}.ssmState`, shape: this.#stateShape, grows: false },
    ]);
    this.sites = [...embedSite(), ...this.#blocks.flatMap((_, i) => mixerSites(`blocks.${i}.`)), ...modelSites()];
  }

  forward(ops: Ops, batch: Batch, tap: Tap): Tensor {
    const at = tap.at('');
    let x = at(
      'embed',
      ops.embed(
        this.#embed,
        batch.feed(ops, ({ ids }) => ids, [batch.length]),
      ),
    ); // [T, M]
    this.#blocks.forEach((b, i) => {
      const prefix = `blocks.${i}.`;
      const sight = tap.at(prefix);
      x = ops.scope(() => this.#block(ops, b, x, batch, prefix, sight));
    });
    return at('hidden', ops.rmsNorm(x, this.#norm, this.facts.eps));
  }

  logits(ops: Ops, hidden: Tensor): Tensor {
    return ops.linear(hidden, this.#head);
  }

  #block(ops: Ops, w: Block, input: Tensor, batch: Batch, prefix: string, at: Sight): Tensor {
    const { starts } = batch;
    const pre = at('residPre', input);
    const normed = at('mixerIn', ops.rmsNorm(pre, w.norm, this.facts.eps));
    const [x0, gate0] = w.xGate(ops, normed, at, 'mixerIn') as [Tensor, Tensor];
    const gate = at('gate', gate0); // [T, E]
    const windows = batch.recurrent(ops, `${prefix}window`, this.#windowShape);
    const x = at('convOut', ops.causalConv(at('x', x0), w.conv, w.convBias, windows, starts)); // [T, E]
    const [rank, b0, c0] = w.dtBC(ops, x, at, 'convOut') as [Tensor, Tensor, Tensor];
    const dt = at('dt', ops.softplus(w.dt(ops, rank, at, 'dtRank'))); // [T, E]
    const b = at('b', b0); // [T, N]
    const c = at('c', c0); // [T, N]
    const states = batch.recurrent(ops, `${prefix}ssmState`, this.#stateShape);
    const scanned = at('scanOut', ops.selectiveScan({ x, dt, a: w.a, b, c, d: w.d }, states, starts)); // [T, E]
    for (const state of states) ops.assign(state, at('ssmState', state)); // [E, N]
    const out = w.out(ops, ops.gate(gate, scanned, 'silu'), at, 'gated');
    return at('residPost', ops.add(pre, at('mixerOut', out)));
  }

  get #windowShape(): [number, number] {
    return [this.facts.dConv - 1, this.facts.dInner];
  }

  get #stateShape(): [number, number] {
    return [this.facts.dInner, this.facts.dState];
  }
}

export const mamba: Family<MambaConfig> = {
  name: 'mamba',
  matches: ({ model_type, d_model, n_layer }) =>
    model_type === 'mamba' || (model_type === undefined && d_model !== undefined && n_layer !== undefined),
  translate,
  configure,
  // OpenLM: module.model.backbone.embedding; state-spaces: backbone.embedding; transformers: backbone.embeddings; TRI: embeddings
  rename: (name) => name.replace(/^(module\.)?(model\.)?(backbone\.)?/, '').replace(/^embedding\./, 'embeddings.'),
  copies: ({ tied }): Record<string, string> => (tied ? { 'lm_head.weight': 'embeddings.weight' } : {}),
  build: (config, weights) => new Mamba(config, weights),
};
