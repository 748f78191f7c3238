/**
 * Mamba (arXiv 2312.00752; transformers models/mamba, state-spaces/mamba modules/mamba_simple.py): no attention; each block is a gated
 * convolution and a selective state space with a state of fixed size. FalconMamba (arXiv 2410.05355; transformers models/falcon_mamba)
 * norms the step sizes, B and C before the recurrence reads them. Understands the spellings of transformers, of state-spaces and of
 * TRI-ML/mamba-7b-rw.
 */
import type { Ops } from '../ops/index.ts';
import type { Tensor } from '../tensor.ts';
import type { Batch } from './batch.ts';
import { configureMamba, type MambaConfig, translateMamba } from './mamba-config.ts';
import type { Family, LanguageModel, Site, StateTensor } from './model.ts';
import { embedSite, mixerSites, modelSites } from './sites.ts';
import type { Sight, Taps } from './tap.ts';
import type { Weights } from './weights.ts';

/** RMS norm without a gain where FalconMamba has one, else nothing: x[T, width] -> the same. */
function mixerNorm(w: Weights, width: number, { mixerEps }: MambaConfig): (ops: Ops, x: Tensor) => Tensor {
  if (mixerEps === undefined) return (_, x) => x;
  const ones = w.derived([width], (ops) => ops.upload(new Float32Array(width).fill(1), [width]));
  return (ops, x) => ops.rmsNorm(x, ones, mixerEps);
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
    normRank: mixerNorm(w, c.dtRank, c),
    normB: mixerNorm(w, c.dState, c),
    normC: mixerNorm(w, c.dState, c),
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
      { name: `blocks.${i}.window`, shape: [c.dConv - 1, c.dInner], grows: false },
      { name: `blocks.${i}.ssmState`, shape: [c.dInner, c.dState], grows: false },
    ]);
    this.sites = [...embedSite(), ...this.#blocks.flatMap((_, i) => mixerSites(`blocks.${i}.`)), ...modelSites()];
  }

  forward(ops: Ops, batch: Batch, taps: Taps): Tensor {
    const at = taps.at('');
    let x = at(
      'embed',
      ops.embed(
        this.#embed,
        batch.feed(ops, ({ ids }) => ids, [batch.length]),
      ),
    ); // [T, M]
    this.#blocks.forEach((b, i) => {
      const prefix = `blocks.${i}.`;
      const sight = taps.at(prefix);
      x = ops.scope(() => this.#block(ops, b, x, batch, prefix, sight));
    });
    return at('hidden', ops.rmsNorm(x, this.#norm, this.facts.eps));
  }

  logits(ops: Ops, hidden: Tensor): Tensor {
    return ops.linear(hidden, this.#head);
  }

  #block(ops: Ops, w: Block, input: Tensor, batch: Batch, prefix: string, at: Sight): Tensor {
    const pre = at('residPre', input);
    const normed = at('mixerIn', ops.rmsNorm(pre, w.norm, this.facts.eps));
    const [x0, gate0] = w.xGate(ops, normed, at, 'mixerIn') as [Tensor, Tensor];
    const gate = at('gate', gate0); // [T, E]
    const windows = batch.recurrent(ops, `${prefix}window`);
    const x = at('convOut', ops.causalConv(at('x', x0), w.conv, w.convBias, windows)); // [T, E]
    const [rank, b0, c0] = w.dtBC(ops, x, at, 'convOut') as [Tensor, Tensor, Tensor];
    const dt = at('dt', ops.softplus(w.dt(ops, w.normRank(ops, rank), at, 'dtRank'))); // [T, E]
    const b = at('b', w.normB(ops, b0)); // [T, N]
    const c = at('c', w.normC(ops, c0)); // [T, N]
    const states = batch.recurrent(ops, `${prefix}ssmState`);
    const scanned = at('scanOut', ops.selectiveScan({ x, dt, a: w.a, b, c, d: w.d }, states)); // [T, E]
    batch.showRecurrent(ops, states, at.each('ssmState')); // [E, N]
    const out = w.out(ops, ops.gate(gate, scanned, 'silu'), at, 'gated');
    return at('residPost', ops.add(pre, at('mixerOut', out)));
  }
}

export const mamba: Family<MambaConfig> = {
  name: 'mamba',
  matches: ({ model_type, d_model, n_layer }) =>
    model_type === 'mamba' ||
    model_type === 'falcon_mamba' ||
    (model_type === undefined && d_model !== undefined && n_layer !== undefined),
  translate: translateMamba,
  configure: configureMamba,
  // OpenLM: module.model.backbone.embedding; state-spaces: backbone.embedding; transformers: backbone.embeddings; TRI: embeddings
  rename: (name) => name.replace(/^(module\.)?(model\.)?(backbone\.)?/, '').replace(/^embedding\./, 'embeddings.'),
  copies: ({ tied }): Record<string, string> => (tied ? { 'lm_head.weight': 'embeddings.weight' } : {}),
  withHead: (config, own) => ({ ...config, tied: !own }),
  // transformers knows no other spelling of the head: TRI's model.lm_head.weight is unexpected there
  ignoresTiedHead: (stored) => stored !== 'lm_head.weight' && stored !== 'backbone.lm_head.weight',
  build: (config, weights) => new Mamba(config, weights),
};
