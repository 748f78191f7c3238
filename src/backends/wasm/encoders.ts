/** Who writes the commands of an op: the words that its kernels expect, in their order (see assembly/). */
import type { Encoder } from './command.ts';
import { adamw } from './encode/adamw.ts';
import { assign } from './encode/assign.ts';
import { attendPattern } from './encode/attend-pattern.ts';
import { attention } from './encode/attention.ts';
import { attentionPattern } from './encode/attention-pattern.ts';
import { accumulate } from './encode/backward/accumulate.ts';
import { addColumns } from './encode/backward/add-columns.ts';
import { addOuter } from './encode/backward/add-outer.ts';
import { addRows } from './encode/backward/add-rows.ts';
import { attentionBackward } from './encode/backward/attention-backward.ts';
import { balanceLoadBackward } from './encode/backward/balance-load-backward.ts';
import { causalConvBackward } from './encode/backward/causal-conv-backward.ts';
import { crossEntropyBackward } from './encode/backward/cross-entropy-backward.ts';
import { divergenceBackward } from './encode/backward/divergence-backward.ts';
import { gateBackward, geluBackward, multiply, softplusBackward } from './encode/backward/elementwise-backward.ts';
import { expertGatesBackward } from './encode/backward/expert-gates-backward.ts';
import { addExpertOuter, expertLinearBackward } from './encode/backward/expert-linear-backward.ts';
import { expertOutputsBackward } from './encode/backward/expert-outputs-backward.ts';
import { linearBackward } from './encode/backward/linear-backward.ts';
import { linearTernaryBackward } from './encode/backward/linear-ternary-backward.ts';
import { layerNormBackward, rmsNormBackward } from './encode/backward/norm-backward.ts';
import { repeatHeads } from './encode/backward/repeat-heads.ts';
import { selectiveScanBackward } from './encode/backward/selective-scan-backward.ts';
import { sumSlotsBackward } from './encode/backward/sum-slots-backward.ts';
import { balanceLoad } from './encode/balance-load.ts';
import { causalConv } from './encode/causal-conv.ts';
import { concat } from './encode/concat.ts';
import { convert } from './encode/convert.ts';
import { copyRows } from './encode/copy-rows.ts';
import { crossEntropy } from './encode/cross-entropy.ts';
import { divergence } from './encode/divergence.ts';
import { add, gate, gelu, negExp, scale, softplus } from './encode/elementwise.ts';
import { embed } from './encode/embed.ts';
import { expertGates } from './encode/expert-gates.ts';
import { expertLinear } from './encode/expert-linear.ts';
import { expertOutputs } from './encode/expert-outputs.ts';
import { experts } from './encode/experts.ts';
import { gather } from './encode/gather.ts';
import { intervene } from './encode/intervene.ts';
import { layerNorm } from './encode/layer-norm.ts';
import { linear } from './encode/linear.ts';
import { linearTernary } from './encode/linear-ternary.ts';
import { markNonFinite } from './encode/mark-non-finite.ts';
import { quantizeRows } from './encode/quantize-rows.ts';
import { rmsNorm } from './encode/rms-norm.ts';
import { rope } from './encode/rope.ts';
import { trainInt8, trainTernary } from './encode/round-in-training.ts';
import { selectiveScan } from './encode/selective-scan.ts';
import { sumHeads } from './encode/sum-heads.ts';
import { sumSlots } from './encode/sum-slots.ts';
import { sumSquares } from './encode/sum-squares.ts';
import { summarizeLogits } from './encode/summarize-logits.ts';
import { topExperts } from './encode/top-experts.ts';
import { writeRows } from './encode/write-rows.ts';
import { zeros } from './encode/zeros.ts';

// biome-ignore lint/suspicious/noExplicitAny: each encoder knows the attributes of its own op
type Encoders = Record<string, Encoder<any>>;

export const encoders: Encoders = {
  embed,
  linear,
  linearTernary,
  quantizeRows,
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
  experts,
  summarizeLogits,
  expertOutputs,
  expertLinear,
  sumSlots,
  zeros,
  assign,
  markNonFinite,
  intervene,
  concat,
  gather,
  writeRows,
  copyRows,
  attentionBackward,
  causalConvBackward,
  expertGatesBackward,
  addExpertOuter,
  expertLinearBackward,
  expertOutputsBackward,
  selectiveScanBackward,
  sumSlotsBackward,
  accumulate,
  adamw,
  addColumns,
  addOuter,
  addRows,
  balanceLoad,
  balanceLoadBackward,
  convert,
  crossEntropy,
  crossEntropyBackward,
  divergence,
  divergenceBackward,
  gateBackward,
  geluBackward,
  layerNormBackward,
  linearBackward,
  linearTernaryBackward,
  multiply,
  repeatHeads,
  rmsNormBackward,
  softplusBackward,
  sumSquares,
  trainInt8,
  trainTernary,
};
