/**
 * Mamba (arXiv 2312.00752; transformers models/mamba, state-spaces/mamba modules/mamba_simple.py): no attention; each block is a gated
 * convolution and a selective state space with a state of fixed size. FalconMamba (arXiv 2410.05355; transformers models/falcon_mamba)
 * norms the step sizes, B and C before the recurrence reads them. Understands the spellings of transformers, of state-spaces and of
 * TRI-ML/mamba-7b-rw.
 */

import type { Tensor } from '../base/tensor.ts';
import type { Ops } from '../ops/index.ts';
import { languageModel } from './language-model.ts';
import { configureMamba, type MambaConfig, originalMamba, translateMamba } from './mamba-config.ts';
import type { Family, LanguageModel, Trunk } from './model.ts';
import { rmsNorm } from './norms.ts';
import { type DeclaredSite, Part } from './part.ts';
import { type Layer, type Pass, throughAll } from './pass.ts';
import { readByHead } from './residual-stream.ts';
import { embedSite, hiddenSite } from './sites.ts';
import type { Weights } from './weights.ts';

/** FalconMamba's RMS norm without gain; the identity for other models: x[T, width] -> the same. */
function mixerNorm(w: Weights, width: number, { mixerEps }: MambaConfig): Layer {
  if (mixerEps === undefined) return (_, x) => x;
  const ones = w.derived([width], (ops) => ops.upload(new Float32Array(width).fill(1), [width]));
  return ({ ops }, x) => ops.rmsNorm(x, ops.derived(ones), mixerEps);
}

/** Bias of the convolution, zeros when it has none: -> [E] */
function convBiasOf(w: Weights, { convBias, dInner }: MambaConfig): (ops: Ops) => Tensor {
  if (convBias) {
    const bias = w.tensor('conv1d.bias', [dInner]);
    return () => bias;
  }
  const zeros = w.derived([dInner], (ops) => ops.zeros([dInner]));
  return (ops) => ops.derived(zeros);
}

function mixerSites(part: Part) {
  return {
    x: part.site('x', '[T, E]', 'input of the convolution'),
    gate: part.site('gate', '[T, E]', 'the gate before its silu'),
    convOut: part.site('convOut', '[T, E]', 'after convolution and silu: input of the recurrence'),
    dt: part.site('dt', '[T, E]', 'step sizes, after softplus'),
    b: part.site('b', '[T, N]', 'how the input enters the state'),
    c: part.site('c', '[T, N]', 'how the state is read'),
    scanOut: part.site('scanOut', '[T, E]', 'output of the recurrence with the skip, before the gate'),
    ssmState: part.site(
      'ssmState',
      '[E, N]',
      'the state after the last token of a step, once per step and not per token; capture reads its text in one step',
    ),
  };
}

/** x[T, M], normalised -> [T, M]; `reads`: the site of x. */
function mixer(w: Weights, part: Part, reads: DeclaredSite, c: MambaConfig): Layer {
  const aLog = w.tensor('A_log', [c.dInner, c.dState]);
  const xGate = w.split('in_proj', c.dModel, [c.dInner, c.dInner], { bias: c.bias, reads });
  const conv = w.tensor('conv1d.weight', [c.dInner, c.dConv], [c.dInner, 1, c.dConv]);
  const convBias = convBiasOf(w, c);
  const sites = mixerSites(part);
  const dtBC = w.split('x_proj', c.dInner, [c.dtRank, c.dState, c.dState], { reads: sites.convOut });
  const normRank = mixerNorm(w, c.dtRank, c);
  const normB = mixerNorm(w, c.dState, c);
  const normC = mixerNorm(w, c.dState, c);
  const dtOf = w.linear('dt_proj', c.dtRank, c.dInner, { bias: true });
  const a = w.derived([c.dInner, c.dState], (ops) => ops.negExp(aLog));
  const d = w.tensor('D', [c.dInner]);
  const out = w.linear('out_proj', c.dInner, c.dModel, { bias: c.bias });
  part.parameter('conv', '[E, W]', 'weights of the convolution, the newest input last', [c.dInner, c.dConv], conv);
  part.parameter(
    'a',
    '[E, N]',
    'decay rates of the state, below 0: a step keeps exp(dt a) of it',
    [c.dInner, c.dState],
    a,
  );
  part.parameter('d', '[E]', 'how much of convOut goes past the state to scanOut', [c.dInner], d);
  part.parameter('outProj', '[M, E]', 'matrix from the gated scanOut to mixerOut', [c.dModel, c.dInner], out.weight);
  const window = part.fixed('window', [c.dConv - 1, c.dInner]);
  const state = part.fixed('ssmState', [c.dInner, c.dState]);
  return (pass, input) => {
    const { ops, batch, show } = pass;
    const [x0, gate0] = xGate(pass, input) as [Tensor, Tensor];
    const gate = show(sites.gate, gate0); // [T, E]
    const x = ops.causalConv(show(sites.x, x0), conv, convBias(ops), batch.recurrent(ops, window)); // [T, E]
    const seen = show(sites.convOut, x); // [T, E]
    const [rank, b0, c0] = dtBC(pass, seen) as [Tensor, Tensor, Tensor];
    const dt = show(sites.dt, ops.softplus(dtOf(pass, normRank(pass, rank)))); // [T, E]
    const b = show(sites.b, normB(pass, b0)); // [T, N]
    const c = show(sites.c, normC(pass, c0)); // [T, N]
    const states = batch.recurrent(ops, state);
    const scanned = show(sites.scanOut, ops.selectiveScan({ x: seen, dt, a: ops.derived(a), b, c, d }, states)); // [T, E]
    batch.showRecurrent(ops, states, show.each(sites.ssmState)); // [E, N]
    return out(pass, ops.gate(gate, scanned, 'silu'));
  };
}

/** x[T, M] -> [T, M] */
function mambaBlock(w: Weights, part: Part, c: MambaConfig): Layer {
  const residPre = part.site('residPre', '[T, M]', 'residual stream before the block');
  const mixerIn = part.site('mixerIn', '[T, M]', 'input of the mixer, normalised');
  const norm = rmsNorm(w, 'norm', c.dModel, c.eps);
  const mix = mixer(w.at('mixer'), part, mixerIn, c);
  const mixerOut = part.site('mixerOut', '[T, M]', 'what the mixer adds to the residual stream');
  const residPost = part.site('residPost', '[T, M]', 'residual stream after the block');
  part.adds(mixerOut);
  return (pass, input) => {
    const { ops, show } = pass;
    const pre = show(residPre, input);
    const mixed = mix(pass, show(mixerIn, norm(pass, pre)));
    return show(residPost, ops.add(pre, show(mixerOut, mixed)));
  };
}

function build(c: MambaConfig, w: Weights): LanguageModel {
  const part = new Part();
  const embed = embedSite(part);
  part.adds(embed);
  const words = w.table('embeddings.weight', c.vocabSize, c.dModel);
  const blocks = w.list('layers', c.nLayers, (layer, i) => mambaBlock(layer, part.at(`blocks.${i}`), c));
  const norm = rmsNorm(w, 'norm_f', c.dModel, c.eps);
  const head = c.tied ? words : w.table('lm_head.weight', c.vocabSize, c.dModel);
  const hidden = hiddenSite(part);
  const trunk = (pass: Pass): Trunk => {
    const { ops, batch, show } = pass;
    const ids = batch.feed(ops, (given) => given.ids, [batch.length]);
    const x = show(embed, ops.embed(words, ids)); // [T, M]
    return { output: throughAll(blocks, pass, x), read: (last) => show(hidden, norm(pass, last)) };
  };
  return languageModel(part, {
    facts: c,
    residualStream: readByHead(part, norm, head),
    trunk,
    logits: (ops, x) => ops.linear(x, head),
  });
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
  storedName: (name) => (name === 'lm_head.weight' ? name : `backbone.${name}`),
  original: originalMamba,
  copies: ({ tied }): Record<string, string> => (tied ? { 'lm_head.weight': 'embeddings.weight' } : {}),
  withHead: (config, own) => ({ ...config, tied: !own }),
  // transformers reads only these names of the head; TRI's model.lm_head.weight is not among them
  ignoresTiedHead: (stored) => stored !== 'lm_head.weight' && stored !== 'backbone.lm_head.weight',
  build,
};
