/** The lists of values that the parts of a model show, so that each is described once. */
import type { Site } from './model.ts';

type Row = readonly [name: string, axes: string, about: string];

const sitesOf = (prefix: string, rows: readonly Row[]): Site[] =>
  rows.map(([name, axes, about]) => ({ name: prefix + name, axes, about }));

/** What quantising layers show of their input. */
export const quantisedSites = (prefix: string, input: string, axes: string): Site[] =>
  sitesOf(prefix, [
    [`${input}Int8`, axes, `${input} as the ternary layers read it, int8`],
    [`${input}Scale`, '[T]', `127 / max|${input}| of each token`],
  ]);

export const modelSites = (): Site[] =>
  sitesOf('', [
    ['hidden', '[T, M]', 'what the head reads'],
    ['logits', '[T, V]', 'scores of the next token before the softmax'],
  ]);

export const embedSite = (): Site[] => sitesOf('', [['embed', '[T, M]', 'token embeddings']]);

/** A pre-norm block of attention and a feed-forward part. */
export const blockSites = (prefix: string): Site[] =>
  sitesOf(prefix, [
    ['residPre', '[T, M]', 'residual stream before the block'],
    ['attnIn', '[T, M]', 'input of the attention, normalised'],
    ['q', '[T, H, D]', 'queries, with their rotation if there is one'],
    ['k', '[T, K, D]', 'keys, with their rotation if there is one'],
    ['v', '[T, K, D]', 'values'],
    ['pattern', '[H, T, S]', 'attention probabilities; seeing them costs the fused kernel'],
    ['z', '[T, H, D]', 'values weighted by the pattern, per head'],
    ['attnOut', '[T, M]', 'what the attention adds to the residual stream'],
    ['residMid', '[T, M]', 'residual stream between attention and feed-forward'],
    ['mlpIn', '[T, M]', 'input of the feed-forward part, normalised'],
    ['mlpOut', '[T, M]', 'what the feed-forward part adds to the residual stream'],
    ['residPost', '[T, M]', 'residual stream after the block'],
  ]);

export const mlpSites = (prefix: string): Site[] =>
  sitesOf(prefix, [['mlpHidden', '[T, F]', 'activations inside of the feed-forward part']]);

export const subNormSites = (prefix: string): Site[] =>
  sitesOf(prefix, [
    ['zNorm', '[T, M]', 'z after its own norm'],
    ['mlpNorm', '[T, F]', 'mlpHidden after its own norm'],
  ]);

export const routingSites = (prefix: string): Site[] =>
  sitesOf(prefix, [
    ['routerLogits', '[T, X]', 'scores of all experts'],
    ['expertIds', '[T, A]', 'chosen experts, best first, int32'],
    ['expertGates', '[T, A]', 'weights of the chosen experts'],
  ]);

export const sharedSites = (prefix: string): Site[] =>
  sitesOf(prefix, [
    ['sharedHidden', '[T, F]', 'activations inside of the expert for all tokens'],
    ['sharedOut', '[T, M]', 'what the expert for all tokens adds to the mixture'],
  ]);

export const senseSites = (): Site[] =>
  sitesOf('', [
    ['context', '[T, M]', 'output of the trunk, from which the sense weights are made'],
    ['senses', '[T, Z, M]', 'sense vectors of each token'],
    ['senseQ', '[T, Z, D]', 'queries of the sense weights'],
    ['senseK', '[T, Z, D]', 'keys of the sense weights'],
    ['senseWeights', '[Z, T, S]', 'how much each sense of each earlier token counts'],
  ]);

export const mixerSites = (prefix: string): Site[] =>
  sitesOf(prefix, [
    ['residPre', '[T, M]', 'residual stream before the block'],
    ['mixerIn', '[T, M]', 'input of the mixer, normalised'],
    ['x', '[T, E]', 'input of the convolution'],
    ['gate', '[T, E]', 'the gate before its silu'],
    ['convOut', '[T, E]', 'after convolution and silu: input of the recurrence'],
    ['dt', '[T, E]', 'step sizes, after softplus'],
    ['b', '[T, N]', 'how the input enters the state'],
    ['c', '[T, N]', 'how the state is read'],
    ['scanOut', '[T, E]', 'output of the recurrence with the skip, before the gate'],
    [
      'ssmState',
      '[E, N]',
      'the state after the last token of the step; a text of more than 256 tokens is read in several',
    ],
    ['mixerOut', '[T, M]', 'what the mixer adds to the residual stream'],
    ['residPost', '[T, M]', 'residual stream after the block'],
  ]);
