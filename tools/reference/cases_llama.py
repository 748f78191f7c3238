"""Llama cases: 1.58-bit as Llama3-8B-1.58 and Falcon3 store it, bitnet-b1.58-2B-4T, and a plain dense model."""

import json
from collections.abc import Callable
from pathlib import Path

import golden_random as random
import torch
from bit_linear import TernaryRun, check, load_ternary, pack
from formulas import close
from golden_case import Case
from golden_files import State, write_config, write_safetensors
from hf_run import HfRun, StepwiseRun, load
from torch import Tensor

BITNET = {"quant_method": "bitnet"}
LLAMA = {
    "_name_or_path": "quantized_model",
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "hidden_act": "silu",
    "hidden_size": 36,
    "initializer_range": 0.02,
    "intermediate_size": 52,
    "is_bitnet_config": True,
    "max_position_embeddings": 8192,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 6,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "pretraining_tp": 1,
    "rms_norm_eps": 1e-05,
    "rope_interleaved": False,
    "rope_scaling": None,
    "rope_theta": 500000.0,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.44.0.dev0",
    "use_cache": True,
    "vocab_size": 67,
}


def twice_quantised(config: dict) -> str:
    """config.json of Llama3-8B-1.58-100B-tokens has the key quantization_config twice: in its place, and last."""
    text = json.dumps(dict(sorted((config | {"quantization_config": {"modules_to_not_convert": None} | BITNET}).items())), indent=2)
    last = json.dumps({"quantization_config": BITNET}, indent=2).removeprefix("{\n")
    return text.removesuffix("\n}") + ",\n" + last + "\n"


def layer_shapes(config: dict) -> dict[str, tuple[int, int]]:
    M, F, H = config["hidden_size"], config["intermediate_size"], config["num_attention_heads"]
    D = config.get("head_dim", M // H)
    kv = config["num_key_value_heads"] * D
    attention = {"q": (H * D, M), "k": (kv, M), "v": (kv, M), "o": (M, H * D)}
    mlp = {"gate": (F, M), "up": (F, M), "down": (M, F)}
    return {f"self_attn.{name}_proj": shape for name, shape in attention.items()} | {
        f"mlp.{name}_proj": shape for name, shape in mlp.items()
    }


def outer_state(config: dict) -> State:
    """Embeddings, norms and head."""
    M, V = config["hidden_size"], config["vocab_size"]
    tied = config["tie_word_embeddings"]
    state = {"model.embed_tokens.weight": random.table(V, M, size=0.4 if tied else 1.0)}
    for i in range(config["num_hidden_layers"]):
        for name in ("input_layernorm", "post_attention_layernorm"):
            state[f"model.layers.{i}.{name}.weight"] = random.norm(M)
    state["model.norm.weight"] = random.norm(M)
    return state if tied else state | {"lm_head.weight": random.matrix(V, M, gain=2.0)}


def ternary_state(config: dict, use: str, scale_type: torch.dtype, scale_shape: tuple[int, ...]) -> State:
    state = {name: tensor.bfloat16() for name, tensor in outer_state(config).items()}
    for i in range(config["num_hidden_layers"]):
        for name, (rows, columns) in layer_shapes(config).items():
            codes = torch.multinomial(torch.tensor([0.3, 0.4, 0.3]), rows * columns, True).view(rows, columns) - 1
            # About the gain of a dense layer: the codes have a mean square of 0.6.
            gain = (2.0 if name[-6] in "qk" else 1.5) / (0.6 * columns) ** 0.5 * (0.9 + 0.2 * torch.rand(()))
            scale = gain if use == "multiply" else 1 / gain
            state[f"model.layers.{i}.{name}.weight"] = pack(codes)
            state[f"model.layers.{i}.{name}.weight_scale"] = scale.to(scale_type).reshape(scale_shape)
    return state


def sub_norms(config: dict) -> State:
    widths = {"self_attn.attn_sub_norm": config["hidden_size"], "mlp.ffn_sub_norm": config["intermediate_size"]}
    layers = range(config["num_hidden_layers"])
    return {
        f"model.layers.{i}.{name}.weight": random.norm(width).bfloat16() for i in layers for name, width in widths.items()
    }


def ternary_case(name: str, about: str, ids: list[int], config: dict | str, state: Callable[[], State]) -> Case:
    def build(seed: int, folder: Path) -> TernaryRun:
        write_config(folder, config)
        write_safetensors(folder, state())
        return load_ternary(folder)

    # A rounding tie that flips in a later step must not change a greedy choice either, hence the larger lead.
    return Case(name, about, ids, build, seeds=range(2000), lead=8e-3)


def formula_state(config: dict) -> State:
    v, i = torch.arange(12.0).double()[:, None], torch.arange(8.0).double()
    state = {
        "model.embed_tokens.weight": torch.sin(0.7 * v + 1.3 * i),
        "lm_head.weight": torch.cos(0.5 * v - 0.9 * i),
        "model.norm.weight": 1 + 0.05 * i,
    }
    for layer in range(2):
        at = f"model.layers.{layer}."
        state[at + "input_layernorm.weight"] = 1 + 0.1 * torch.cos(i + layer)
        state[at + "post_attention_layernorm.weight"] = 1 + 0.1 * torch.sin(i + layer)
    state = {name: tensor.float() for name, tensor in state.items()}
    for layer in range(2):
        for j, (name, (rows, columns)) in enumerate(layer_shapes(config).items()):
            a, b = torch.arange(rows)[:, None], torch.arange(columns)
            codes = (7 * a + 3 * b + 5 * (a * b % 4) + 7 * layer + j) % 3 - 1
            state[f"model.layers.{layer}.{name}.weight"] = pack(codes)
            state[f"model.layers.{layer}.{name}.weight_scale"] = torch.tensor([2 + 0.5 * j + layer])
    return state


FORMULA = LLAMA | dict(
    hidden_size=8, num_attention_heads=2, num_key_value_heads=1, intermediate_size=16, vocab_size=12,
    torch_dtype="float32", quantization_config=BITNET,
)  # fmt: skip


def build_formula(seed: int, folder: Path) -> TernaryRun:
    check()
    write_config(folder, FORMULA)
    state = formula_state(FORMULA)
    packed = state["model.layers.0.self_attn.q_proj.weight"].tolist()
    assert packed == [[24, 80, 24, 80, 24, 80, 24, 80], [97, 80, 134, 41, 97, 80, 134, 41]]
    write_safetensors(folder, state)
    return load_ternary(folder)


def check_formula(sites: State, continuation: list[int]) -> None:
    logits: Tensor = sites["logits"]
    assert logits.argmax(-1).tolist() == [10, 5, 8, 8]
    rows = {
        0: [0.596464, -0.041795, -0.669821, -1.133851, -1.320275, -1.183450, -0.756875, -0.144990, 0.502393]
        + [1.026773, 1.299763, 1.254526],
        1: [-4.020730, -2.275197, 0.027384, 2.323260, 4.050321, 4.785723, 4.349412, 2.848214, 0.649673]
        + [-1.707930, -3.647372, -4.693810],
        3: [-1.438753, -2.525639, -2.994160, -2.729607, -1.796751, -0.423987, 1.052583, 2.271445, 2.934177]
        + [2.878521, 2.118102, 0.839098],
    }
    for position, row in rows.items():
        close(f"logits {position}", logits[position], row, 3e-6)
    residual = [1.020527, -0.183705, -1.151361, 0.215756, -0.487799, 1.590904, -0.357504, -1.642761]
    close("residual stream", sites["blocks.1.residPost"][3], residual, 3e-6)


FALCON = LLAMA | dict(
    hidden_size=20, num_attention_heads=4, num_key_value_heads=2, head_dim=6, intermediate_size=28, vocab_size=45,
    num_hidden_layers=3, rms_norm_eps=1e-06, rope_theta=1000042, activation="swiglu",
    quantization_config={"modules_to_not_convert": ["lm_head"]} | BITNET,
)  # fmt: skip
TWO_B = {key: value for key, value in LLAMA.items() if key not in ("mlp_bias", "is_bitnet_config", "_name_or_path")} | dict(
    architectures=["BitNetForCausalLM"], model_type="bitnet", hidden_act="relu2", hidden_size=24,
    num_attention_heads=6, intermediate_size=44, vocab_size=53, tie_word_embeddings=True,
    quantization_config=BITNET | {"linear_class": "autobitlinear", "quantization_mode": "offline"},
)  # fmt: skip
DENSE = LLAMA | dict(
    hidden_size=24, num_attention_heads=4, num_key_value_heads=4, intermediate_size=40, vocab_size=57,
    rope_theta=10000.0, rms_norm_eps=1e-6, tie_word_embeddings=True,
)  # fmt: skip
del DENSE["is_bitnet_config"], DENSE["rope_interleaved"]


def dense_state(config: dict) -> State:
    state = outer_state(config)
    for i in range(config["num_hidden_layers"]):
        for name, shape in layer_shapes(config).items():
            state[f"model.layers.{i}.{name}.weight"] = random.matrix(*shape, gain=2.0)
    return {name: tensor.bfloat16() for name, tensor in state.items()}


def dense_case(name: str, about: str, ids: list[int], config: dict, run: type[HfRun] = HfRun) -> Case:
    def build(seed: int, folder: Path) -> HfRun:
        write_config(folder, config)
        write_safetensors(folder, dense_state(config))
        return run(load(folder))

    return Case(name, about, ids, build)


# Contexts so short that the 64 greedy tokens go far beyond what the model was "trained" on.
SCALED = DENSE | dict(hidden_size=32, num_attention_heads=2, num_key_value_heads=1, vocab_size=49, intermediate_size=36)
LLAMA3 = SCALED | dict(
    head_dim=16, rope_theta=500000.0, max_position_embeddings=128,
    rope_scaling={
        "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32,
        "rope_type": "llama3",
    },
)  # fmt: skip
LINEAR = SCALED | dict(max_position_embeddings=32, rope_scaling={"type": "linear", "factor": 4.0})
DYNAMIC = SCALED | dict(max_position_embeddings=16, rope_scaling={"type": "dynamic", "factor": 6.0})
YARN = {key: value for key, value in SCALED.items() if key not in ("rope_theta", "rope_scaling", "torch_dtype")} | dict(
    max_position_embeddings=96, dtype="bfloat16", transformers_version="5.18.0",
    rope_parameters={
        "rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 24,
        "beta_fast": 3.0, "beta_slow": 0.25, "mscale": 1.0, "mscale_all_dim": 0.5,
    },
)  # fmt: skip

# microsoft/bitnet-b1.58-2B-4T-bf16
ONLINE = TWO_B | dict(
    intermediate_size=42, quantization_config=BITNET | {"linear_class": "autobitlinear", "quantization_mode": "online"}
)


def master_state(config: dict) -> State:
    return dense_state(config) | sub_norms(config)


CASES = [
    Case(
        "llama-formula",
        "1.58-bit, weights from formulas, float32, with published numbers.",
        [1, 5, 3, 11],
        build_formula,
        check_formula,
        seeds=range(1),
    ),
    ternary_case(
        "llama-grouped",
        "As Llama3-8B-1.58: packed, divided by bfloat16 scales [1], three query heads per key head, "
        "quantization_config twice in config.json.",
        [0, 41, 66, 7, 7, 23, 58, 12, 30],
        twice_quantised(LLAMA),
        lambda: ternary_state(LLAMA, "divide", torch.bfloat16, (1,)),
    ),
    ternary_case(
        "llama-head-dim",
        "As Falcon3-1.58bit: head_dim 6 with hidden_size / heads = 5, float32 scales of shape [].",
        [3, 40, 18, 18, 29, 11, 44, 2, 9],
        FALCON,
        lambda: ternary_state(FALCON, "divide", torch.float32, ()),
    ),
    ternary_case(
        "llama-2b4t",
        "As bitnet-b1.58-2B-4T: squared relu, norms before o_proj and down_proj, multiplied scales, tied head.",
        [0, 19, 52, 33, 4, 4, 27, 46, 10],
        TWO_B,
        lambda: ternary_state(TWO_B, "multiply", torch.bfloat16, (1,)) | sub_norms(TWO_B),
    ),
    ternary_case(
        "llama-online",
        "As bitnet-b1.58-2B-4T-bf16: the weights before rounding, which the reference rounds in every pass.",
        [0, 19, 52, 33, 4, 4, 27, 46, 10],
        ONLINE,
        lambda: master_state(ONLINE),
    ),
    dense_case(
        "llama-dense",
        "Plain Llama, bfloat16, tied head.",
        [1, 22, 56, 9, 9, 37, 48, 5, 14, 30],
        DENSE,
    ),
    dense_case(
        "llama-rope-llama3",
        "As Llama-3.2-1B: rope_scaling of type llama3, with rope_theta beside it.",
        [1, 22, 46, 9, 9, 37, 48, 5, 14, 30],
        LLAMA3,
    ),
    dense_case(
        "llama-rope-linear",
        "rope_scaling with the older `type`, linear, as vicuna-7b-v1.5-16k; max_position_embeddings is the count before scaling.",
        [7, 30, 2, 41, 18, 18, 25, 0, 33],
        LINEAR,
    ),
    dense_case(
        "llama-rope-dynamic",
        "Dynamic NTK scaling, read token by token with a cache, far beyond max_position_embeddings.",
        [5, 17, 40, 40, 3, 28, 11, 36],
        DYNAMIC,
        StepwiseRun,
    ),
    dense_case(
        "llama-rope-yarn",
        "rope_parameters of transformers 5, yarn, with own betas and mscales.",
        [12, 44, 8, 31, 31, 2, 20, 39, 16],
        YARN,
    ),
]
