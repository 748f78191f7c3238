/**
 * The kernels by the names of their ops. Ops that are defined by others (`compose`) have none. Each op is documented in its file under
 * src/ops.
 */
import { assign } from './assign.ts';
import { attendPattern } from './attend-pattern.ts';
import { attention } from './attention.ts';
import { attentionPattern } from './attention-pattern.ts';
import { accumulate, addColumns, addOuter, addRows } from './backward/accumulate.ts';
import { attentionBackward } from './backward/attention.ts';
import { divergenceBackward } from './backward/divergence-backward.ts';
import { gateBackward, geluBackward, multiply, repeatHeads, softplusBackward } from './backward/elementwise.ts';
import { expertGatesBackward, expertOutputsBackward, sumSlotsBackward } from './backward/experts.ts';
import { linearBackward, linearTernaryBackward } from './backward/linear.ts';
import { layerNormBackward, rmsNormBackward } from './backward/norms.ts';
import { causalConvBackward, selectiveScanBackward } from './backward/recurrence.ts';
import { balanceLoad, balanceLoadBackward } from './balance-load.ts';
import { causalConv } from './causal-conv.ts';
import { concat } from './concat.ts';
import { convert } from './convert.ts';
import { crossEntropy, crossEntropyBackward } from './cross-entropy.ts';
import { divergence } from './divergence.ts';
import { add, gate, gelu, negExp, scale, softplus } from './elementwise.ts';
import { embed } from './embed.ts';
import { expertGates } from './expert-gates.ts';
import { addExpertOuter, expertLinear, expertLinearBackward } from './expert-linear.ts';
import { expertOutputs } from './expert-outputs.ts';
import { gather } from './gather.ts';
import { intervene } from './intervene.ts';
import type { Kernel } from './kernel.ts';
import { layerNorm } from './layer-norm.ts';
import { linear } from './linear.ts';
import { linearTernary } from './linear-ternary.ts';
import { markNonFinite } from './mark-non-finite.ts';
import { quantizeRows } from './quantize-rows.ts';
import { rmsNorm } from './rms-norm.ts';
import { rope } from './rope.ts';
import { selectiveScan } from './selective-scan.ts';
import { sumHeads } from './sum-heads.ts';
import { sumSlots } from './sum-slots.ts';
import { summarizeLogits } from './summarize-logits.ts';
import { topExperts } from './top-experts.ts';
import { adamw, sumSquares, trainInt8, trainTernary } from './training.ts';
import { writeRows } from './write-rows.ts';
import { zeros } from './zeros.ts';

export const kernels: Readonly<Record<string, Kernel<unknown>>> = {
  embed,
  linear,
  quantizeRows,
  linearTernary,
  layerNorm,
  rmsNorm,
  add,
  scale,
  gelu,
  softplus,
  negExp,
  gate,
  rope,
  attention,
  attentionPattern,
  attendPattern,
  sumHeads,
  causalConv,
  selectiveScan,
  topExperts,
  expertGates,
  expertOutputs,
  expertLinear,
  expertLinearBackward,
  addExpertOuter,
  sumSlots,
  summarizeLogits,
  zeros,
  assign,
  markNonFinite,
  intervene,
  concat,
  gather,
  writeRows,
  accumulate,
  addColumns,
  addOuter,
  addRows,
  attentionBackward,
  gateBackward,
  geluBackward,
  multiply,
  repeatHeads,
  softplusBackward,
  expertGatesBackward,
  expertOutputsBackward,
  sumSlotsBackward,
  linearBackward,
  linearTernaryBackward,
  layerNormBackward,
  rmsNormBackward,
  causalConvBackward,
  selectiveScanBackward,
  balanceLoad,
  balanceLoadBackward,
  convert,
  crossEntropy,
  crossEntropyBackward,
  divergence,
  divergenceBackward,
  adamw,
  sumSquares,
  trainInt8,
  trainTernary,
} as Record<string, Kernel<never>> as Record<string, Kernel<unknown>>;
