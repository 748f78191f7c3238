/** All kernels. Each takes (args, part, parts); see ../command.ts. */
export { attendPattern, attention, attentionPattern, sumHeads } from './attention';
export { causalConv } from './causal-conv';
export { add, gateRelu2, gateSilu, gelu, negExp, scale, softplus } from './elementwise';
export { gateTokens, groupByExpert, linearByExpert, sumSlots, topExperts } from './experts';
export { linear } from './linear';
export { linearTernary, quantizeRows } from './linear-ternary';
export { markNonFinite } from './mark-non-finite';
export { copy, embed, rope, zero } from './memory-ops';
export { moveRows } from './move-rows';
export { layerNorm, rmsNorm } from './norms';
export { arrangePanels, rowsOfPanels } from './panels';
export { quantizeWeights } from './quantize-weights';
export { makeRecords } from './records';
export { selectiveScan } from './selective-scan';
export { summarizeLogits } from './summarize-logits';
export { writeCodes, writeHalves } from './write-rows';
