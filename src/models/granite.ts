/**
 * Granite 3 (IBM Granite 3.0 report; transformers models/granite, models/granitemoe, models/granitemoeshared): Llama's block with muP
 * multipliers. The MoE checkpoints have a dropless mixture of small experts instead of one feed-forward network; the shared kind adds an
 * expert for all tokens.
 */
import { CheckpointError } from '../base/errors.ts';
import type { Tensor } from '../base/tensor.ts';
import { readActivation } from './activation.ts';
import type { ConfigReader } from './config.ts';
import { configureDecoder, type DecoderConfig, decoder, decoderNames, withHead } from './decoder.ts';
import { gatedMlp, type MlpConfig } from './gated-mlp.ts';
import type { Family } from './model.ts';
import type { DeclaredSite, Part } from './part.ts';
import type { Layer } from './pass.ts';
import type { Weights } from './weights.ts';

export interface GraniteConfig extends DecoderConfig, MlpConfig {
  /** 0 for a dense model; else dInner is the width of one expert. */
  readonly nExperts: number;
  readonly nActiveExperts: number;
  /** Width of the shared expert, which processes all tokens; 0 without one. */
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
    attentionScale: json.number('attention_multiplier', 1), // replaces 1 / sqrt(D)
    embeddingScale: json.number('embedding_multiplier', 1),
    residualScale: json.number('residual_multiplier', 1),
    logitsScale: 1 / json.positive('logits_scaling', 1),
    nExperts,
    nActiveExperts,
    dShared: shared && json.number('shared_intermediate_size', 0) !== 0 ? json.count('shared_intermediate_size') : 0,
  };
}

/** Routed experts: the A best of X by router logit, weighted by the softmax over those A. x[T, M] -> [T, M] */
function mixture(w: Weights, part: Part, c: GraniteConfig): Layer {
  // The router is f32 in every weight format: rounding it would change which experts are chosen.
  const router = w.tensor('router.layer.weight', [c.nExperts, c.dModel]);
  part.parameter('router', '[X, M]', 'matrix from mlpIn to routerLogits', [c.nExperts, c.dModel], router);
  const matrices = {
    in: w.experts('input_linear.weight', [c.nExperts, 2 * c.dInner, c.dModel]),
    out: w.experts('output_linear.weight', [c.nExperts, c.dModel, c.dInner]),
  };
  const routerLogits = part.site('routerLogits', '[T, X]', 'scores of all experts');
  const routerChoice = part.site(
    'routerChoice',
    '[T, X]',
    'the scores by which experts are chosen; their weights come from routerLogits',
  );
  const expertIds = part.site('expertIds', '[T, A]', 'chosen experts, best first, int32');
  const expertGates = part.site('expertGates', '[T, A]', 'weights of the chosen experts');
  const expertOut = part.site('expertOut', '[T, A, M]', 'output of each chosen expert, before its gate');
  return ({ ops, show }, x) => {
    const logits = show(routerLogits, ops.linear(x, router)); // [T, X]
    const choice = show(routerChoice, logits);
    const [chosen, weights] = ops.topExperts(choice, c.nActiveExperts);
    const ids = show(expertIds, chosen); // [T, A]
    const asChosen = choice === logits && ids === chosen;
    const gates = show(expertGates, asChosen ? weights : ops.expertGates(logits, ids)); // [T, A]
    if (!show.sees(expertOut)) return ops.experts(x, ids, gates, matrices, c.activation);
    return ops.sumSlots(show(expertOut, ops.expertOutputs(x, ids, matrices, c.activation)), gates);
  };
}

/** The shared expert: a gated feed-forward network with gate and up in one matrix. x[T, M] -> [T, M] */
function sharedExpert(w: Weights, part: Part, reads: DeclaredSite, c: GraniteConfig): Layer {
  const gateUp = w.split('input_linear', c.dModel, [c.dShared, c.dShared], { reads });
  const sharedHidden = part.site('sharedHidden', '[T, F]', 'activations inside of the expert for all tokens');
  const down = w.linear('output_linear', c.dShared, c.dModel, { reads: sharedHidden });
  const sharedOut = part.site('sharedOut', '[T, M]', 'what the expert for all tokens adds to the mixture');
  return (pass, x) => {
    const { ops, show } = pass;
    const [gate, up] = gateUp(pass, x) as [Tensor, Tensor];
    return show(sharedOut, down(pass, show(sharedHidden, ops.gate(gate, up, c.activation))));
  };
}

/** The feed-forward network of a block: dense, or a mixture of experts with an optional shared expert. */
function feedForward(layer: Weights, part: Part, reads: DeclaredSite, c: GraniteConfig): Layer {
  if (c.nExperts === 0) return gatedMlp(layer.at('mlp'), part, reads, c);
  const routed = mixture(layer.at('block_sparse_moe'), part, c);
  if (c.dShared === 0) return routed;
  const shared = sharedExpert(layer.at('shared_mlp'), part, reads, c);
  return (pass, x) => pass.ops.add(routed(pass, x), shared(pass, x));
}

/** transformers 5 renamed the expert tensors; IBM's checkpoints have the older names. */
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
  parameterName(name) {
    const newer = RENAMED.find(([, older]) => name.endsWith(older));
    return newer ? name.slice(0, -newer[1].length) + newer[0] : name;
  },
  copies: decoderNames.copies,
  withHead,
  build: (config, weights) => decoder(config, weights, (layer, part, reads) => feedForward(layer, part, reads, config)),
};
