/** A key that is missing in config.json means what transformers 5.18 assumes of it: the configuration classes of its models. */
import { expect, test } from 'vitest';
import { ConfigReader, type JsonObject } from '../../src/models/config.ts';
import { familyOf } from '../../src/models/index.ts';
import { translateMamba } from '../../src/models/mamba-config.ts';

const DECODER = {
  vocabSize: 32000,
  dModel: 4096,
  dInner: 11008,
  nLayers: 32,
  nHeads: 32,
  nKeyHeads: 32,
  dHead: 128,
  contextLength: 2048,
  eps: 1e-6,
  theta: 10000,
  tied: false,
  attentionBias: false,
  mlpBias: false,
};
const MULTIPLIERS = { attentionScale: 1, embeddingScale: 1, residualScale: 1, logitsScale: 1 };
const MAMBA = {
  vocabSize: 50280,
  dModel: 768,
  dInner: 1536,
  nLayers: 32,
  dState: 16,
  dConv: 4,
  dtRank: 48,
  bias: false,
  convBias: true,
  eps: 1e-5,
  tied: true,
};

function factsOf(json: JsonObject) {
  const family = familyOf(json);
  const reader = new ConfigReader(family.translate?.(json) ?? json);
  const facts = family.configure(reader);
  reader.finish();
  return facts;
}

test('a configuration of no family is told by what it says of itself', () => {
  const told = (json: JsonObject) => expect(() => familyOf(json));
  told({}).toThrow(
    /^config.json has neither 'model_type' nor 'architectures'.*known are backpack, llama, mamba, granite\./,
  );
  told({ model_type: 'qwen3' }).toThrow(/^config.json describes a model of type "qwen3"; the families/);
  told({ architectures: ['GPT2'] }).toThrow(/^config.json describes a model of \["GPT2"\]; the families/);
  told({ model_type: 'qwen3', architectures: ['Qwen3'] }).toThrow(/of type "qwen3" \(\["Qwen3"\]\); the families/);
});

test.each<[string, object]>([
  ['llama', { ...DECODER, activation: 'silu', subNorms: false }],
  ['granite', { ...DECODER, ...MULTIPLIERS, nExperts: 0 }],
  ['granitemoe', { ...DECODER, ...MULTIPLIERS, nExperts: 8, nActiveExperts: 2, dShared: 0 }],
  ['granitemoeshared', { ...DECODER, ...MULTIPLIERS, nExperts: 8, nActiveExperts: 2, dShared: 0 }],
  [
    'bitnet',
    {
      ...{ vocabSize: 128256, dModel: 2560, dInner: 6912, nLayers: 30, nHeads: 20, nKeyHeads: 5, dHead: 128 },
      ...{ contextLength: 2048, eps: 1e-5, theta: 500000, tied: false, activation: 'relu2', subNorms: true },
    },
  ],
  ['mamba', { ...MAMBA, mixerEps: undefined }],
  ['falcon_mamba', { ...MAMBA, mixerEps: 1e-6 }],
])('%s', (model_type, facts) => {
  expect(factsOf({ model_type })).toMatchObject(facts);
});

test('null key heads are as many as heads, missing ones of a bitnet are five', () => {
  expect(factsOf({ model_type: 'bitnet', num_key_value_heads: null })).toMatchObject({ nKeyHeads: 20 });
});

test('what feeds forward in a bitnet is normed whatever its activation, and in a llama never', () => {
  expect(factsOf({ model_type: 'bitnet', hidden_act: 'silu' })).toMatchObject({ subNorms: true });
  expect(factsOf({ model_type: 'llama', hidden_act: 'relu2' })).toMatchObject({ subNorms: false });
});

/** The eight keys of state-spaces/mamba-130m. */
const ORIGINAL = {
  ...{ d_model: 768, n_layer: 24, vocab_size: 50277, ssm_cfg: {} },
  ...{ rms_norm: true, residual_in_fp32: true, fused_add_norm: true, pad_vocab_size_multiple: 8 },
};

test("state-spaces' dialect has the defaults of its own package", () => {
  expect(factsOf(ORIGINAL)).toMatchObject({ ...MAMBA, nLayers: 24 });
  const { pad_vocab_size_multiple: _, ...unpadded } = ORIGINAL;
  expect(factsOf({ ...unpadded, vocab_size: 93 })).toMatchObject({ vocabSize: 96 });
  expect(factsOf({ ...ORIGINAL, vocab_size: 93, pad_vocab_size_multiple: 1 })).toMatchObject({ vocabSize: 93 });
  const ssm_cfg = { d_state: 8, d_conv: 2, expand: 3, dt_rank: 5, bias: true, conv_bias: false, dt_min: 0.01 };
  const read = { dState: 8, dConv: 2, dInner: 2304, dtRank: 5, bias: true, convBias: false };
  expect(factsOf({ ...ORIGINAL, ssm_cfg, tie_embeddings: false })).toMatchObject({ ...read, tied: false });
  expect(factsOf({ ...ORIGINAL, expand: 3 })).toMatchObject({ dInner: 2304 });
  expect(factsOf({ ...ORIGINAL, d_inner: 1536 })).toMatchObject({ dInner: 1536 });
  expect(factsOf({ ...ORIGINAL, attn_layer_idx: [], attn_cfg: {}, d_intermediate: 0 })).toMatchObject(MAMBA_130M);
});

const MAMBA_130M = { ...MAMBA, nLayers: 24 };

test("transformers' own keys stay where a config has both dialects", () => {
  const dual = { ...ORIGINAL, model_type: 'mamba', hidden_size: 768, num_hidden_layers: 24, d_inner: 1536 };
  expect(factsOf({ ...dual, vocab_size: 50280 })).toMatchObject(MAMBA_130M);
  expect(factsOf({ ...dual, vocab_size: 50277 })).toMatchObject({ vocabSize: 50277 }); // transformers pads nothing
  expect(factsOf({ ...dual, num_hidden_layers: 1 })).toMatchObject({ nLayers: 1 }); // as transformers, which knows no n_layer
  expect(factsOf({ ...dual, state_size: 8, ssm_cfg: { d_state: 4 } })).toMatchObject({ dState: 8 });
  expect(factsOf({ ...dual, tie_word_embeddings: false, tie_embeddings: true })).toMatchObject({ tied: false });
  expect(() => factsOf({ ...dual, intermediate_size: 3072 })).toThrow(/'intermediate_size': 3072 and 'd_inner': 1536/);
  expect(factsOf({ ...dual, time_step_rank: 7 })).toMatchObject({ dtRank: 7 });
  expect(factsOf({ ...dual, time_step_rank: 7, ssm_cfg: { dt_rank: 'auto' } })).toMatchObject({ dtRank: 7 });
  expect(factsOf({ ...dual, time_step_rank: 'auto', ssm_cfg: { dt_rank: 7 } })).toMatchObject({ dtRank: 7 });
  expect(factsOf({ ...dual, expand: 16, intermediate_size: 1536 })).toMatchObject({ dInner: 1536 });
  expect(translateMamba({ model_type: 'mamba', expand: 3 })).toMatchObject({ model_type: 'mamba', expand: 3 });
});

test('a Backpack has the names of GPT-2, or those that transformers gives them in all models', () => {
  const facts = { dModel: 768, nLayers: 12, nHeads: 12, contextLength: 512, vocabSize: 50264, nSenses: 16 };
  expect(factsOf({ model_type: 'gpt2', num_senses: 16 })).toMatchObject(facts);
  const general = { hidden_size: 96, num_attention_heads: 4, num_hidden_layers: 3, max_position_embeddings: 64 };
  const read = { dModel: 96, nHeads: 4, nLayers: 3, contextLength: 64 };
  expect(factsOf({ model_type: 'gpt2', num_senses: 16, ...general })).toMatchObject(read);
  expect(() => factsOf({ model_type: 'gpt2', num_senses: 16, n_embd: 48, ...general })).toThrow(
    /'n_embd': 48 and 'hidden_size': 96/,
  );
});
