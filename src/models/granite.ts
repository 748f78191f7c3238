/**
 * Granite 3 (IBM Granite 3.0 report; transformers models/granite, models/granitemoe, models/granitemoeshared): Llama's block with muP
 * multipliers, and in the MoE checkpoints a dropless mixture of small experts instead of one feed-forward part. The shared kind has an
 * expert for all tokens beside them.
 */
import { CheckpointError } from '../errors.ts';
import type { Tensor } from '../tensor.ts';
import { readActivation } from './activation.ts';
import type { ConfigReader } from './config.ts';
import { configureDecoder, Decoder, type DecoderConfig, decoderNames, type FeedForward, withHead } from './decoder.ts';
import { gatedMlp, type MlpConfig } from './gated-mlp.ts';
import type { Family } from './model.ts';
import { mlpSites, routingSites, sharedSites } from './sites.ts';
import type { Weights } from './weights.ts';

export interface GraniteConfig extends DecoderConfig, MlpConfig {
  /** 0 for a dense model; else dInner is the width of one expert. */
  readonly nExperts: number;
  readonly nActiveExperts: number;
  /** Width of the expert that all tokens go through beside the mixture; 0 without one. */
  readonly dShared: number;
}

function configure(json: ConfigReader): GraniteConfig {
  const shared = json.is('model_type', 'granitemoeshared');
  const sparse = shared || json.is('model_type', 'granitemoe');
  json.ignore('router_aux_loss_coef', 'output_router_logits'); // training only
  const nExperts = sparse ? json.count('num_local_experts', 8) : 0;
  const nActiveExperts = sparse ? json.count('num_experts_per_tok', 2) : 0;
  if (nActiveExperts > nExperts) {
    throw new CheckpointError(
      `config.json has ${nActiveExperts} num_experts_per_tok, wanted at most its ${nExperts} num_local_experts.`,
    );
  }
  return {
    ...configureDecoder(json),
    activation: readActivation(json, ['silu']),
    subNorms: false,
    attentionScale: json.number('attention_multiplier', 1), // used alone, in place of 1 / sqrt(D)
    embeddingScale: json.number('embedding_multiplier', 1),
    residualScale: json.number('residual_multiplier', 1),
    logitsScale: 1 / json.positive('logits_scaling', 1),
    nExperts,
    nActiveExperts,
    dShared: shared && json.number('shared_intermediate_size', 0) !== 0 ? json.count('shared_intermediate_size') : 0,
  };
}

/** Routed experts: the A best of X by router logit, weighted by the softmax over those A. x[T, M] -> [T, M] */
function mixture(w: Weights, c: GraniteConfig): FeedForward {
  // The router stays f32 in every weight format: a rounding there sends tokens to other experts.
  const router = w.tensor('router.layer.weight', [c.nExperts, c.dModel]);
  const matrices = {
    in: w.experts('input_linear.weight', [c.nExperts, 2 * c.dInner, c.dModel]),
    out: w.experts('output_linear.weight', [c.nExperts, c.dModel, c.dInner]),
  };
  return (ops, x, at) => {
    const logits = at('routerLogits', ops.linear(x, router)); // [T, X]
    const [chosen, weights] = ops.topExperts(logits, c.nActiveExperts);
    const ids = at('expertIds', chosen); // [T, A]
    const gates = at('expertGates', weights); // [T, A]
    return ops.experts(x, ids, gates, matrices, c.activation);
  };
}

/** The expert for all tokens: as a gated feed-forward part, with gate and up in one matrix. x[T, M] -> [T, M] */
function sharedExpert(w: Weights, c: GraniteConfig): FeedForward {
  const gateUp = w.split('input_linear', c.dModel, [c.dShared, c.dShared]);
  const down = w.linear('output_linear', c.dShared, c.dModel);
  return (ops, x, at) => {
    const [gate, up] = gateUp(ops, x, at, 'mlpIn') as [Tensor, Tensor];
    const hidden = at('sharedHidden', ops.gate(gate, up, c.activation)); // [T, F]
    return at('sharedOut', down(ops, hidden, at, 'sharedHidden'));
  };
}

/** What feeds forward in a block of experts. */
function sparse(layer: Weights, c: GraniteConfig): FeedForward {
  const routed = mixture(layer.at('block_sparse_moe'), c);
  if (c.dShared === 0) return routed;
  const shared = sharedExpert(layer.at('shared_mlp'), c);
  return (ops, x, at) => ops.add(routed(ops, x, at), shared(ops, x, at));
}

/** transformers 5 renamed the expert tensors; IBM's checkpoints carry the older names. */
const RENAMED: readonly (readonly [string, string])[] = [
  ['block_sparse_moe.experts.gate_up_proj', 'block_sparse_moe.input_linear.weight'],
  ['block_sparse_moe.experts.down_proj', 'block_sparse_moe.output_linear.weight'],
  ['block_sparse_moe.router.weight', 'block_sparse_moe.router.layer.weight'],
];

export const granite: Family<GraniteConfig> = {
  name: 'granite',
  matches: ({ model_type }) =>
    model_type === 'granite' || model_type === 'granitemoe' || model_type === 'granitemoeshared',
  configure,
  rename(stored) {
    if (decoderNames.isBuffer(stored)) return undefined;
    const name = decoderNames.prefixed(stored);
    const newer = RENAMED.find(([from]) => name.endsWith(from));
    return newer ? name.slice(0, -newer[0].length) + newer[1] : name;
  },
  copies: decoderNames.copies,
  withHead,
  build: (config, weights) =>
    new Decoder(
      config,
      weights,
      config.nExperts > 0
        ? {
            feedForward: (layer) => sparse(layer, config),
            feedForwardSites: (prefix) => [...routingSites(prefix), ...(config.dShared > 0 ? sharedSites(prefix) : [])],
          }
        : { feedForward: (layer) => gatedMlp(layer.at('mlp'), config), feedForwardSites: mlpSites },
    ),
};
