"""Mamba cases: the formula model, and the names and configurations of Hugging Face, TRI and state-spaces."""

import math
from collections.abc import Callable
from pathlib import Path

import golden_random as random
import torch
from formulas import close, sine_state
from golden_case import Case
from golden_files import State, write_config, write_pickle, write_safetensors, write_shards
from hf_run import load
from mamba_run import MambaRun
from torch import Tensor
from transformers import MambaConfig, MambaForCausalLM

Write = Callable[[Path, State], None]

HF = {
    "architectures": ["MambaForCausalLM"],
    "bos_token_id": 0,
    "conv_kernel": 4,
    "eos_token_id": 0,
    "expand": 2,
    "hidden_act": "silu",
    "hidden_size": 16,
    "initializer_range": 0.1,
    "intermediate_size": 32,
    "layer_norm_epsilon": 1e-05,
    "model_type": "mamba",
    "num_hidden_layers": 2,
    "pad_token_id": 0,
    "rescale_prenorm_residual": False,
    "residual_in_fp32": True,
    "state_size": 16,
    "time_step_floor": 0.0001,
    "time_step_init_scheme": "random",
    "time_step_max": 0.1,
    "time_step_min": 0.001,
    "time_step_rank": 1,
    "time_step_scale": 1.0,
    "torch_dtype": "float32",
    "transformers_version": "4.39.0.dev0",
    "use_bias": False,
    "use_cache": True,
    "use_conv_bias": True,
    "vocab_size": 32,
}


def shapes(c: dict) -> dict[str, tuple[int, ...]]:
    """Names and shapes as transformers stores them; without the head."""
    M, E, N, R, V = (c[k] for k in ("hidden_size", "intermediate_size", "state_size", "time_step_rank", "vocab_size"))
    out: dict[str, tuple[int, ...]] = {"backbone.embeddings.weight": (V, M)}
    for i in range(c["num_hidden_layers"]):
        at = f"backbone.layers.{i}."
        mixer: dict[str, tuple[int, ...]] = {"A_log": (E, N), "D": (E,), "conv1d.weight": (E, 1, c["conv_kernel"])}
        mixer |= {"in_proj.weight": (2 * E, M), "x_proj.weight": (R + 2 * N, E), "dt_proj.weight": (E, R)}
        mixer |= {"dt_proj.bias": (E,), "out_proj.weight": (M, E)}
        if c["use_conv_bias"]:
            mixer["conv1d.bias"] = (E,)
        if c["use_bias"]:
            mixer |= {"in_proj.bias": (2 * E,), "out_proj.bias": (M,)}
        out |= {f"{at}mixer.{name}": shape for name, shape in mixer.items()} | {at + "norm.weight": (M,)}
    return out | {"backbone.norm_f.weight": (M,)}


def random_tensor(name: str, shape: tuple[int, ...]) -> Tensor:
    if name.endswith("A_log"):
        return torch.arange(1.0, shape[1] + 1).log() + 0.3 * torch.randn(*shape)
    if name.endswith("dt_proj.bias"):
        return -1.5 + torch.randn(*shape)  # time steps from about 0.05 to 1
    if "embeddings" in name:
        return random.table(*shape, size=0.4)
    if "conv1d.weight" in name:
        return 0.6 * torch.randn(*shape)
    if len(shape) == 1:
        return random.bias(*shape) if name.endswith("bias") else random.norm(*shape)
    return random.matrix(*shape, gain=1.6)


def random_state(c: dict) -> State:
    return {name: random_tensor(name, shape).to(getattr(torch, c["torch_dtype"])) for name, shape in shapes(c).items()}


def case(name: str, about: str, ids: list[int], config: dict, write: Write = write_safetensors) -> Case:
    def build(seed: int, folder: Path) -> MambaRun:
        write_config(folder, config)
        write(folder, random_state(config))
        return MambaRun(load(folder))

    return Case(name, about, ids, build)


def build_formula(seed: int, folder: Path) -> MambaRun:
    write_config(folder, HF)
    write_safetensors(folder, sine_state(shapes(HF)))
    return MambaRun(load(folder))


def check_formula(sites: State, continuation: list[int]) -> None:
    logits = sites["logits"]
    first = [-0.164969, 0.262667, -0.304876, 0.28268, -0.200767, 0.076442, 0.064032, -0.190978]
    last = [-0.017301, 0.085163, -0.135034, 0.156379, -0.144688, 0.102432, -0.038538, -0.033498]
    close("logits 0", logits[0, :8], first, 2e-6)
    close("logits 7", logits[7, :8], last, 2e-6)
    close("sum", logits.sum().view(1), [-0.23002], 2e-5)
    assert logits.argmax(-1).tolist() == [29, 1, 27, 1, 5, 6, 30, 10]
    assert continuation[:8] == [10, 3, 3, 10, 31, 26, 27, 8]


def write_tri(folder: Path, state: State) -> None:
    """No prefix, and a stored copy of the head under a name that transformers does not read: it ties instead."""
    bare = {name.removeprefix("backbone."): tensor for name, tensor in state.items()}
    write_safetensors(folder, bare | {"model.lm_head.weight": bare["embeddings.weight"]})


def write_untied(folder: Path, state: State) -> None:
    head = random.matrix(*state["backbone.embeddings.weight"].shape, gain=2.0)
    write_shards(folder, state | {"lm_head.weight": head.to(state["backbone.embeddings.weight"].dtype)}, 2)


STATE_SPACES = {
    "d_model": 20,
    "n_layer": 2,
    "vocab_size": 43,
    "ssm_cfg": {},
    "rms_norm": True,
    "residual_in_fp32": True,
    "fused_add_norm": True,
    "pad_vocab_size_multiple": 8,
}
SSM_CFG = STATE_SPACES | {"ssm_cfg": {"d_state": 9, "d_conv": 4, "expand": 2, "dt_rank": 3}}


def translated(original: dict) -> dict:
    """The words of transformers for a configuration of state-spaces/mamba, with the defaults of its own MambaConfig and Mamba."""
    width, ssm, multiple = original["d_model"], original["ssm_cfg"], original["pad_vocab_size_multiple"]
    rank = ssm.get("dt_rank", "auto")
    return HF | dict(
        hidden_size=width, intermediate_size=width * ssm.get("expand", 2), num_hidden_layers=original["n_layer"],
        state_size=ssm.get("d_state", 16), conv_kernel=ssm.get("d_conv", 4), torch_dtype="float16",
        time_step_rank=math.ceil(width / 16) if rank == "auto" else rank,
        vocab_size=math.ceil(original["vocab_size"] / multiple) * multiple,
    )  # fmt: skip


def state_spaces_case(name: str, about: str, original: dict) -> Case:
    """The configuration and names of state-spaces/mamba-*, which only their own package reads; translated by hand."""

    def build(seed: int, folder: Path) -> MambaRun:
        config = translated(original)
        state = random_state(config)
        state["lm_head.weight"] = state["backbone.embeddings.weight"]
        model = MambaForCausalLM(MambaConfig(**config))
        model.load_state_dict({name: tensor.float() for name, tensor in state.items()})
        write_config(folder, original)
        write_pickle(folder, {name.replace("embeddings", "embedding"): tensor for name, tensor in state.items()})
        return MambaRun(model)

    return Case(name, about, [42, 9, 17, 17, 30, 2, 25, 8, 36, 11, 0], build)


ODD = HF | dict(
    hidden_size=14, expand=3, intermediate_size=42, state_size=5, conv_kernel=3, time_step_rank=4, vocab_size=51,
    use_bias=True, use_conv_bias=False, num_hidden_layers=3, tie_word_embeddings=True,
)  # fmt: skip
TRI = HF | dict(
    hidden_size=20, intermediate_size=40, time_step_rank=2, vocab_size=56, n_layer=2, rms_norm=True,
    fused_add_norm=True, pad_vocab_size_multiple=8,
)  # fmt: skip
UNTIED = HF | dict(
    hidden_size=18, expand=1, intermediate_size=18, state_size=7, conv_kernel=5, time_step_rank=5, vocab_size=48,
    tie_word_embeddings=False, torch_dtype="bfloat16",
)  # fmt: skip

# As state-spaces/mamba-130m-hf: both dialects in one file.
DUAL = HF | dict(
    hidden_size=18, intermediate_size=36, d_inner=36, d_model=18, n_layer=2, num_hidden_layers=2, ssm_cfg={},
    time_step_rank=2, rms_norm=True, fused_add_norm=True, pad_vocab_size_multiple=8, vocab_size=48,
)  # fmt: skip
# As tiiuae/falcon-mamba-7b: `expand` says something else than the sizes, and is not used.
FALCON = HF | dict(
    _name_or_path="./", architectures=["FalconMambaForCausalLM"], model_type="falcon_mamba", hidden_size=14, expand=16,
    intermediate_size=28, state_size=6, time_step_rank=3, vocab_size=45, eos_token_id=11, pad_token_id=11,
    tie_word_embeddings=False, torch_dtype="bfloat16", transformers_version="4.43.0.dev0",
)  # fmt: skip

CASES = [
    Case(
        "mamba-formula",
        "Weights from a sine formula, with published numbers.",
        [3, 1, 4, 1, 5, 9, 2, 6],
        build_formula,
        check_formula,
        seeds=range(1),
    ),
    case(
        "mamba-odd",
        "Hugging Face names; inner width 3 M, window 3, biases on the projections and none on the convolution.",
        [11, 3, 50, 27, 27, 0, 38, 14, 45, 6],
        ODD,
    ),
    case(
        "mamba-tri",
        "As TRI-ML/mamba-7b-rw: no prefix, model.lm_head.weight stored, no tie_word_embeddings. "
        "Two ids, fewer than the convolution sees.",
        [7, 29],
        TRI,
        write_tri,
    ),
    case(
        "mamba-untied",
        "bfloat16, own head, inner width M, window 5, two shards. Three ids.",
        [40, 5, 22],
        UNTIED,
        write_untied,
    ),
    state_spaces_case(
        "mamba-state-spaces",
        "config.json (as published: eight keys, ssm_cfg empty) and pytorch_model.bin of state-spaces/mamba-*, float16; 43 words padded to 48.",
        STATE_SPACES,
    ),
    state_spaces_case(
        "mamba-ssm-cfg",
        "The same dialect with sizes in ssm_cfg.",
        SSM_CFG,
    ),
    case(
        "mamba-dual-config",
        "config.json as state-spaces/mamba-130m-hf has it, with the keys of both dialects.",
        [3, 44, 20, 20, 9, 31, 0, 17],
        DUAL,
    ),
    case(
        "falcon-mamba",
        "As tiiuae/falcon-mamba-7b: norms of dt, B and C; an `expand` that does not fit the sizes; bfloat16, own head.",
        [12, 40, 3, 3, 27, 18, 33, 7, 1],
        FALCON,
        write_untied,
    ),
]
