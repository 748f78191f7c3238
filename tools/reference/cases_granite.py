"""Granite cases, dense and with experts: formula models with published numbers, odd sizes, both transformers styles."""

from collections.abc import Callable
from pathlib import Path

import golden_random as random
import torch
from formulas import close, sine_state
from golden_case import Case
from golden_files import State, write_config, write_safetensors, write_shards
from hf_run import HfRun, MoeRun, load
from torch import Tensor

FORMULA_IDS = [3, 1, 4, 1, 5, 9, 2, 6]
Write = Callable[[Path, State], None]

DENSE = {
    "architectures": ["GraniteForCausalLM"],
    "model_type": "granite",
    "attention_bias": False,
    "attention_dropout": 0.1,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "hidden_act": "silu",
    "initializer_range": 0.02,
    "max_position_embeddings": 131072,
    "pad_token_id": 0,
    "rope_scaling": None,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.46.0",
    "use_cache": True,
}
MOE = DENSE | {
    "architectures": ["GraniteMoeForCausalLM"],
    "model_type": "granitemoe",
    "output_router_logits": False,
    "router_aux_loss_coef": 0.001,
}
FORMULA = {
    "vocab_size": 32,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "embedding_multiplier": 12.0,
    "attention_multiplier": 0.25,
    "residual_multiplier": 0.22,
    "logits_scaling": 6.0,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "torch_dtype": "float32",
}


def shapes(config: dict) -> dict[str, tuple[int, ...]]:
    """Names and shapes as published (transformers 4)."""
    M, V, F, H = (config[k] for k in ("hidden_size", "vocab_size", "intermediate_size", "num_attention_heads"))
    key_width = M // H * config["num_key_value_heads"]
    out: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (V, M)}
    for i in range(config["num_hidden_layers"]):
        at = f"model.layers.{i}."
        out[at + "input_layernorm.weight"] = (M,)
        for name, width in (("q", M), ("k", key_width), ("v", key_width), ("o", M)):
            out[f"{at}self_attn.{name}_proj.weight"] = (width, M)
            if config["attention_bias"]:
                out[f"{at}self_attn.{name}_proj.bias"] = (width,)
        out[at + "post_attention_layernorm.weight"] = (M,)
        if S := config.get("shared_intermediate_size"):
            out[at + "shared_mlp.input_linear.weight"] = (2 * S, M)
            out[at + "shared_mlp.output_linear.weight"] = (M, S)
        if config["model_type"].startswith("granitemoe"):
            X = config["num_local_experts"]
            out[at + "block_sparse_moe.router.layer.weight"] = (X, M)
            out[at + "block_sparse_moe.input_linear.weight"] = (X, 2 * F, M)
            out[at + "block_sparse_moe.output_linear.weight"] = (X, M, F)
        else:
            for name, shape in (("gate", (F, M)), ("up", (F, M)), ("down", (M, F))):
                out[f"{at}mlp.{name}_proj.weight"] = shape
                if config["mlp_bias"]:
                    out[f"{at}mlp.{name}_proj.bias"] = shape[:1]
    out["model.norm.weight"] = (M,)
    if not config["tie_word_embeddings"]:
        out["lm_head.weight"] = (V, M)
    return out


def random_tensor(name: str, shape: tuple[int, ...], config: dict) -> Tensor:
    if len(shape) == 1:
        return random.bias(*shape) if name.endswith("bias") else random.norm(*shape)
    if "embed" in name:
        # Small beside the branches, or a tied head would only repeat the last token.
        return random.table(*shape, size=0.6 / config["embedding_multiplier"])
    return random.matrix(*shape, gain=2.0 if "q_proj" in name or "k_proj" in name else 3.0)


def random_state(config: dict) -> State:
    dtype = getattr(torch, config.get("dtype") or config["torch_dtype"])
    return {name: random_tensor(name, shape, config).to(dtype) for name, shape in shapes(config).items()}


def run(folder: Path, config: dict) -> HfRun:
    return (MoeRun if config["model_type"].startswith("granitemoe") else HfRun)(load(folder))


def case(name: str, about: str, ids: list[int], config: dict, write: Write = write_safetensors) -> Case:
    def build(seed: int, folder: Path) -> HfRun:
        write_config(folder, config)
        write(folder, random_state(config))
        return run(folder, config)

    return Case(name, about, ids, build)


def formula_case(name: str, about: str, config: dict, check: Callable[[State, list[int]], None]) -> Case:
    def build(seed: int, folder: Path) -> HfRun:
        write_config(folder, config)
        write_safetensors(folder, sine_state(shapes(config)))
        return run(folder, config)

    return Case(name, about, FORMULA_IDS, build, check, seeds=range(1))


def check_moe(sites: State, continuation: list[int]) -> None:
    logits = sites["logits"]
    first = [-0.021883, 0.083144, -0.126842, 0.143743, -0.130279, 0.089293, -0.029444, -0.036625]
    last = [-0.135981, 0.098807, -0.04076, -0.025898, 0.087085, -0.129875, 0.145229, -0.129903]
    close("logits 0", logits[0, :8], first, 2e-6)
    close("logits 7", logits[7, :8], last, 2e-6)
    close("sum", logits.sum().view(1), [-0.16447], 2e-5)
    assert logits.argmax(-1).tolist() == [3, 1, 4, 1, 12, 9, 2, 6]
    close("router", sites["blocks.0.routerLogits"][7], [1.070433, 0.24697, -1.512201, 2.457977], 2e-6)
    assert sites["blocks.0.expertIds"][7].tolist() == [3, 0] and sites["blocks.1.expertIds"][7].tolist() == [3, 1]
    close("gates", sites["blocks.1.expertGates"][7], [0.516325, 0.483675], 2e-6)
    assert continuation[:8] == [6] * 8


def check_dense(sites: State, continuation: list[int]) -> None:
    logits = sites["logits"]
    first = [-0.021593, 0.081296, -0.123825, 0.140195, -0.12695, 0.086886, -0.028467, -0.035965]
    last = [-0.101671, 0.073638, -0.030049, -0.019889, 0.065624, -0.097497, 0.108773, -0.097071]
    close("logits 0", logits[0, :8], first, 2e-6)
    close("logits 7", logits[7, :8], last, 2e-6)
    close("sum", logits.sum().view(1), [-0.12309], 2e-5)
    assert continuation[:8] == [6] * 8


def v5_names(state: State) -> State:
    """The names that transformers 5 uses in memory; same layouts."""
    new = {"input_linear.weight": "experts.gate_up_proj", "output_linear.weight": "experts.down_proj"}
    new["router.layer.weight"] = "router.weight"
    for old, name in new.items():
        state = {key.replace(old, name): value for key, value in state.items()}
    return state


DENSE_3 = DENSE | dict(
    vocab_size=61, hidden_size=24, intermediate_size=44, num_hidden_layers=3, num_attention_heads=6,
    num_key_value_heads=2, mlp_bias=False, rms_norm_eps=1e-5, rope_theta=5000000.0, tie_word_embeddings=True,
    embedding_multiplier=12.0, residual_multiplier=0.22, attention_multiplier=0.25, logits_scaling=8.0,
)  # fmt: skip
UNTIED = DENSE | dict(
    vocab_size=50, hidden_size=20, intermediate_size=36, num_hidden_layers=2, num_attention_heads=2,
    num_key_value_heads=1, mlp_bias=True, attention_bias=True, rms_norm_eps=1e-5, rope_theta=10000.0,
    tie_word_embeddings=False, embedding_multiplier=3.5, residual_multiplier=0.6, attention_multiplier=0.15,
    logits_scaling=0.75, torch_dtype="float32",
)  # fmt: skip
MOE_10 = MOE | dict(
    vocab_size=59, hidden_size=24, intermediate_size=5, num_hidden_layers=2, num_attention_heads=6,
    num_key_value_heads=3, rms_norm_eps=1e-6, rope_theta=1500000, tie_word_embeddings=True, num_local_experts=10,
    num_experts_per_tok=8, embedding_multiplier=12.0, residual_multiplier=0.22, attention_multiplier=0.25,
    logits_scaling=6.0,
)  # fmt: skip
MOE_40 = MOE_10 | dict(
    vocab_size=43, hidden_size=16, intermediate_size=6, num_attention_heads=4, num_key_value_heads=1,
    num_local_experts=40, rope_theta=10000000,
)  # fmt: skip
V5_STYLE = {key: value for key, value in MOE_10.items() if key not in ("rope_theta", "rope_scaling", "torch_dtype")}
V5_STYLE |= dict(
    vocab_size=47, num_local_experts=5, num_experts_per_tok=3, dtype="float32", transformers_version="5.18.0",
    rope_parameters={"rope_theta": 1500000.0, "rope_type": "default"}, tie_word_embeddings=False,
)  # fmt: skip
SHARED = MOE_10 | dict(
    architectures=["GraniteMoeSharedForCausalLM"], model_type="granitemoeshared", shared_intermediate_size=7,
    num_local_experts=6, num_experts_per_tok=3, vocab_size=41, hidden_size=18, num_attention_heads=3,
    num_key_value_heads=3, intermediate_size=10,
)  # fmt: skip
SCALED = {key: value for key, value in DENSE_3.items() if key not in ("rope_theta", "rope_scaling", "torch_dtype")}
SCALED |= dict(
    num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1, vocab_size=53, max_position_embeddings=96,
    dtype="bfloat16", transformers_version="5.18.0",
    rope_parameters={"rope_theta": 1500000.0, "rope_type": "yarn", "factor": 3.0, "original_max_position_embeddings": 32},
)  # fmt: skip

CASES = [
    formula_case(
        "granite-formula",
        "Weights from a sine formula, with published numbers.",
        DENSE | FORMULA | dict(intermediate_size=24, rms_norm_eps=1e-5, mlp_bias=False),
        check_dense,
    ),
    case(
        "granite-tied",
        "bfloat16, tied head, three query heads per key head.",
        [17, 3, 60, 42, 3, 3, 0, 29, 55, 8],
        DENSE_3,
    ),
    case(
        "granite-untied",
        "float32, own head in the file, biases on attention and mlp, one key head, unusual multipliers, two shards.",
        [9, 41, 2, 30, 17, 17, 49, 5, 22, 11, 38],
        UNTIED,
        lambda folder, state: write_shards(folder, state, 2),
    ),
    formula_case(
        "granite-moe-formula",
        "Weights from a sine formula, with published numbers; 4 experts, 2 active.",
        MOE | FORMULA | dict(intermediate_size=8, rms_norm_eps=1e-6, num_local_experts=4, num_experts_per_tok=2),
        check_moe,
    ),
    case(
        "granite-moe-10",
        "bfloat16, tied, 8 of 10 experts, two query heads per key head.",
        [50, 6, 31, 31, 12, 0, 44, 58, 27],
        MOE_10,
    ),
    case(
        "granite-moe-40",
        "bfloat16, tied, 8 of 40 experts, four query heads on one key head, two shards.",
        [2, 39, 14, 14, 7, 26, 40, 33, 1, 19],
        MOE_40,
        lambda folder, state: write_shards(folder, state, 2),
    ),
    case(
        "granite-moe-v5-config",
        "config.json as transformers 5 writes it: rope_parameters, dtype; float32, untied, 3 of 5 experts.",
        [46, 10, 33, 4, 28, 28, 1, 15, 40],
        V5_STYLE,
    ),
    case(
        "granite-moe-v5-names",
        "Tensors under the names of transformers 5: experts.gate_up_proj, experts.down_proj, router.weight.",
        [5, 23, 23, 42, 0, 36, 18, 9, 31, 2],
        V5_STYLE | {"tie_word_embeddings": True, "num_key_value_heads": 2},
        lambda folder, state: write_safetensors(folder, v5_names(state)),
    ),
    case(
        "granite-moe-shared",
        "granitemoeshared: an expert for all tokens beside the mixture; bfloat16, tied, 3 of 6 experts.",
        [35, 6, 31, 31, 12, 0, 40, 28, 17],
        SHARED,
    ),
    case(
        "granite-rope-yarn",
        "rope_parameters of transformers 5 with yarn, bfloat16, tied head.",
        [17, 3, 50, 42, 3, 3, 0, 29, 35, 8],
        SCALED,
    ),
]
