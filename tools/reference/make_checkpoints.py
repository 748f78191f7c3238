"""Writes tests/fixtures/checkpoints/made-*: tiny checkpoints as other tools leave them, with the logits of transformers.

    python make_checkpoints.py

Each is saved from a random model, changed as its function says, loaded with `from_pretrained`, and run on a few ids. The folders
beside them, without `made-`, are of the same kind and come from a collection of failing inputs.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    GraniteConfig,
    GraniteMoeConfig,
    LlamaConfig,
    MambaConfig,
    PretrainedConfig,
)
from transformers.integrations.bitnet import pack_weights

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "checkpoints"
IDS = [1, 5, 9, 30, 2, 17, 11]
State = dict[str, Tensor]

SMALL = {"vocab_size": 32, "hidden_size": 16, "num_hidden_layers": 1}
DECODER = {**SMALL, "intermediate_size": 24, "num_attention_heads": 2, "num_key_value_heads": 1}


def llama(**more: object) -> PretrainedConfig:
    return LlamaConfig(**DECODER, **more)


def granite(**more: object) -> PretrainedConfig:
    return GraniteConfig(**DECODER, logits_scaling=2.0, residual_multiplier=0.5, **more)


def granite_moe(**more: object) -> PretrainedConfig:
    return GraniteMoeConfig(**DECODER, num_local_experts=4, num_experts_per_tok=2, **more)


def mamba(**more: object) -> PretrainedConfig:
    return MambaConfig(**SMALL, state_size=4, time_step_rank=2, **more)


def new_head(state: State) -> None:
    state["lm_head.weight"] = torch.randn(32, 16)


def head_of_other_type(state: State) -> None:
    state["lm_head.weight"] = torch.randn(32, 16).to(torch.bfloat16)


def head_other_in_last_row(state: State) -> None:
    head = state["model.embed_tokens.weight"].clone()
    head[-1, -1] += 3
    state["lm_head.weight"] = head


def equal_head(state: State) -> None:
    state["lm_head.weight"] = state["model.embed_tokens.weight"].clone()


def shared_head(state: State) -> None:
    """As torch.save writes tied weights: two names of one storage."""
    state["lm_head.weight"] = state["model.embed_tokens.weight"]


def only_head(state: State) -> None:
    state["lm_head.weight"] = state.pop("model.embed_tokens.weight")


def renamed(rename: Callable[[str], str]) -> Callable[[State], None]:
    def change(state: State) -> None:
        for name in list(state):
            state[rename(name)] = state.pop(name)

    return change


def ignored_head(state: State) -> None:
    """As TRI-ML/mamba-7b-rw: transformers does not know this name."""
    state["model.lm_head.weight"] = torch.randn(32, 16)


def other_heads(state: State) -> None:
    for name in ["v_head.summary.weight", "v_head.0.weight", "score.weight", "classifier.weight", "qa_outputs.weight"]:
        state[name] = torch.randn(2, 16)
    state["v_head.summary.bias"] = torch.randn(1)
    state["medusa_head.0.0.linear.weight"] = torch.randn(16, 16)


def buffers(state: State) -> None:
    attention = "model.layers.0.self_attn."
    state["model.rotary_emb.inv_freq"] = torch.randn(4)
    state[f"{attention}rotary_emb.inv_freq"] = torch.randn(4)
    state[f"{attention}rotary_emb.cos_cached"] = torch.randn(1, 1, 8, 8)
    state[f"{attention}bias"] = torch.ones(1, 1, 8, 8, dtype=torch.bool)
    state[f"{attention}masked_bias"] = torch.tensor(-1e4)
    state["model.position_ids"] = torch.arange(8)[None]
    state["model.freqs_cis"] = torch.randn(8, 4)


def cache_scales(state: State) -> None:
    attention = "model.layers.0.self_attn."
    for name in ["k_scale", "v_scale", "k_proj.output_scale", "v_proj.v_scale", "attn.q_scale", "kv_scale", "k_zero_point"]:
        state[attention + name] = torch.tensor(2.0)
    state["model.layers.0.mlp.down_proj._extra_state"] = torch.zeros(0, dtype=torch.uint8)


def as_parameters(state: State) -> State:
    parameters = {name: torch.nn.Parameter(tensor) for name, tensor in state.items()}
    for parameter in parameters.values():
        parameter._no_weight_decay = True
    return {**parameters, "shape": torch.Size([1, 2]), "seed": 2**64 + 3, "names": {"a", "b"}}


def ternary_layers(state: State) -> list[str]:
    return [name for name in state if "_proj." in name]


def with_norms(state: State) -> None:
    """Masters of ternary layers, each with a norm for its input."""
    for name in ternary_layers(state):
        state[name.replace("weight", "rms_norm.weight")] = 1 + 0.3 * torch.randn(state[name].shape[1])


def packed_with_norms(state: State) -> None:
    with_norms(state)
    for name in ternary_layers(state):
        if "rms_norm" in name:
            continue
        scale = 1 / state[name].abs().mean()
        state[name] = pack_weights((state[name] * scale).round().clamp(-1, 1))
        state[name.replace("weight", "weight_scale")] = scale[None]


def unchanged(state: State) -> None:
    pass


ONLINE = {"quant_method": "bitnet", "linear_class": "autobitlinear", "quantization_mode": "online", "use_rms_norm": True}
PACKED = {"quant_method": "bitnet", "use_rms_norm": True, "rms_norm_eps": 0.01}
LONGROPE = {"rope_type": "longrope", "short_factor": [1.0, 1.5, 2.5, 4.0], "long_factor": [2.0, 3.0, 5.0, 8.0]}
TIED = {"tie_word_embeddings": True}
UNTIED = {"tie_word_embeddings": False}
WRITERS = {
    "safetensors": lambda state, folder: save_file(state, folder / "model.safetensors", {"format": "pt"}),
    "bin": lambda state, folder: torch.save(state, folder / "pytorch_model.bin"),
    "legacy": lambda state, folder: torch.save(
        state, folder / "pytorch_model.bin", _use_new_zipfile_serialization=False
    ),
}

CASES = {
    "tied-differs-mamba": (mamba(**TIED), new_head, "safetensors"),
    "tied-differs-granite-moe": (granite_moe(**TIED), new_head, "safetensors"),
    "tied-differs-late": (llama(**TIED), head_other_in_last_row, "safetensors"),
    "tied-differs-bf16": (llama(**TIED), head_of_other_type, "safetensors"),
    "tied-differs-bin": (llama(**TIED), new_head, "bin"),
    "tied-equal": (llama(**TIED), equal_head, "safetensors"),
    "tied-shared-bin": (llama(**TIED), shared_head, "bin"),
    "tied-shared-legacy": (granite(**TIED), shared_head, "legacy"),
    "tied-head-only": (llama(**TIED), only_head, "safetensors"),
    "tied-ignored-mamba": (mamba(**TIED), ignored_head, "safetensors"),
    "prefix-missing-granite": (granite(**TIED), renamed(lambda name: name.removeprefix("model.")), "safetensors"),
    "prefix-missing-mamba": (mamba(**UNTIED), renamed(lambda name: name.removeprefix("backbone.")), "safetensors"),
    "prefix-twice": (llama(**UNTIED), renamed(lambda name: f"model.{name}"), "safetensors"),
    "extra-other-heads": (llama(**UNTIED), other_heads, "safetensors"),
    "extra-buffers": (llama(**TIED), buffers, "safetensors"),
    "extra-cache-scales": (granite(**TIED), cache_scales, "safetensors"),
    "ternary-norms": (llama(quantization_config=ONLINE, **UNTIED), with_norms, "safetensors"),
    "ternary-norms-packed": (llama(quantization_config=PACKED, **TIED), packed_with_norms, "safetensors"),
    "longrope": (llama(rope_parameters={**LONGROPE, "original_max_position_embeddings": 8}), unchanged, "safetensors"),
    "sliding-window": (llama(sliding_window=2, partial_rotary_factor=0.5), unchanged, "safetensors"),
    "bin-beside": (llama(**UNTIED), as_parameters, "bin"),
    "bin-legacy": (mamba(**TIED), as_parameters, "legacy"),
}


def load(folder: Path) -> torch.nn.Module:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def main() -> None:
    for name, (config, change, writer) in CASES.items():
        torch.manual_seed(crc32(name.encode()))
        folder = FOLDER / f"made-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        model = AutoModelForCausalLM.from_config(config)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_(0, 0.5)
        model.save_pretrained(folder)
        state = load_file(folder / "model.safetensors")
        for file in folder.glob("*"):
            if file.name != "config.json":
                file.unlink()
        WRITERS[writer](change(state) or state, folder)
        with torch.no_grad():
            logits = load(folder)(torch.tensor([IDS])).logits[0]
        ids = torch.tensor(IDS, dtype=torch.int32)
        save_file({"ids": ids, "logits": logits.contiguous()}, folder / "reference.safetensors")
        print(name, json.dumps([round(x, 4) for x in logits[-1, :3].tolist()]))


if __name__ == "__main__":
    main()
