/**
 * What TransformerLens 3 (transformer_lens/model_bridge) calls the values that we call sites. Several of its names are aliases of others; the
 * usual one is given. `docs/insides.md` has the same table, and what differs.
 */

const OUTER: Readonly<Record<string, string>> = {
  embed: 'embed.hook_out',
  posEmbed: 'pos_embed.hook_out',
  hidden: 'ln_final.hook_out',
  logits: 'unembed.hook_out',
};

/** Of a block: after `blocks.N.`. */
const INNER: Readonly<Record<string, string>> = {
  residPre: 'hook_resid_pre',
  attnIn: 'hook_attn_in',
  q: 'attn.hook_rot_q',
  k: 'attn.hook_rot_k',
  v: 'attn.hook_v',
  pattern: 'attn.hook_pattern',
  z: 'attn.hook_z',
  result: 'attn.hook_result',
  attnOut: 'hook_attn_out',
  residMid: 'hook_resid_mid',
  mlpIn: 'hook_mlp_in',
  mlpHidden: 'mlp.hook_post',
  mlpOut: 'hook_mlp_out',
  residPost: 'hook_resid_post',
  mixerIn: 'hook_mixer_in',
  mixerOut: 'hook_mixer_out',
  convOut: 'mixer.x_proj.hook_in',
  ssmState: 'mixer.hook_ssm_state',
};

/** Where positions are added to the embeddings, queries and keys are not rotated. */
const UNROTATED: Readonly<Record<string, string>> = { q: 'attn.hook_q', k: 'attn.hook_k' };

/** `blocks.3.residPre` -> `blocks.3.hook_resid_pre`; undefined where TransformerLens has no such value. */
export function transformerLensName(
  site: string,
  { rotary = true }: { readonly rotary?: boolean } = {},
): string | undefined {
  const [, block, inner] = /^(blocks\.[^.]+\.)(.+)$/.exec(site) ?? [];
  const found =
    block === undefined || inner === undefined
      ? ownOf(OUTER, site)
      : ((rotary ? undefined : ownOf(UNROTATED, inner)) ?? ownOf(INNER, inner));
  return found && (block ?? '') + found;
}

const ownOf = (names: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.hasOwn(names, name) ? names[name] : undefined;
