"""Backpack cases: the golden model of formulas, the two published dialects, and a pickle with aliases and strides."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import golden_random as random
import torch
from backpack_reference import GOLDEN_CONFIG, GOLDEN_IDS, Backpack, BackpackConfig, check, golden_state, with_aliases
from golden_case import Case
from golden_files import State, write_config, write_pickle, write_safetensors, write_shards
from torch import Tensor
from transformers import GPT2Config, GPT2Model

HUB = {"architectures": ["BackpackGPT2LMHeadModel"], "model_type": "gpt2", "activation_function": "gelu_new"}


class BackpackRun:
    made_with = f"own Backpack in PyTorch {torch.__version__}, float32; trunk equal to transformers' GPT-2 (eager)"

    def __init__(self, model: Backpack):
        self.model = model.eval()

    @torch.no_grad()
    def sites(self, ids: list[int]) -> State:
        out: State = {}
        self.model(torch.tensor([ids]), lambda name, value: out.__setitem__(name, value[0]))
        return out

    @torch.no_grad()
    def logits(self, ids: list[int]) -> Tensor:
        return self.model(torch.tensor([ids]))[0]

    def confirm(self, ids: list[int], continuation: list[int]) -> None:
        """No other implementation generates."""


def random_state(model: Backpack) -> State:
    state = {}
    for name, p in model.state_dict().items():
        if p.ndim == 1:
            state[name] = random.norm(len(p)) if name.endswith("weight") else random.bias(len(p))
        elif "wte" in name or "wpe" in name:
            state[name] = random.table(*p.shape, size=0.5)
        else:
            fan_in = p.shape[1] if "sense_weight_net" in name else p.shape[0]
            # Sharp patterns need scores of a few units.
            gain = 2.0 if "c_attn" in name else 1.2
            state[name] = random.matrix(*p.shape, gain=gain, fan_in=fan_in)
    return state


def mask_buffers(config: BackpackConfig, dtype: torch.dtype) -> State:
    """Buffers of older transformers; no weights."""
    P = config.n_positions
    mask = torch.ones(P, P).tril().to(dtype).view(1, 1, P, P)
    names = [f"backpack.gpt2_model.h.{i}.attn" for i in range(config.n_layer)]
    masks = {f"{name}.bias": mask for name in names}
    return masks | {f"{name}.masked_bias": torch.tensor(-1e4) for name in names}


def check_trunk(run: BackpackRun, ids: list[int]) -> None:
    """The trunk against transformers. Its SDPA path ignored the inverse layer scaling for years, hence eager."""
    config = {key: value for key, value in asdict(run.model.config).items() if key in GPT2Config().to_dict()}
    gpt2 = GPT2Model(GPT2Config(**config, attn_implementation="eager")).eval()
    gpt2.load_state_dict(run.model.backpack.gpt2_model.state_dict())
    with torch.no_grad():
        want = gpt2(torch.tensor([ids])).last_hidden_state[0]
    error = (want - run.sites(ids)["context"]).abs().max().item()
    assert error < 1e-5, f"the trunk differs from transformers' GPT-2 by {error}"


def case(
    name: str,
    about: str,
    ids: list[int],
    raw: dict,
    write: Callable[[Path, State, BackpackConfig], None],
) -> Case:
    def build(seed: int, folder: Path) -> BackpackRun:
        config = BackpackConfig.from_json(json.dumps(raw))
        model = Backpack(config)
        state = random_state(model)
        model.load_state_dict(state)
        write_config(folder, raw)
        write(folder, state, config)
        run = BackpackRun(model)
        check_trunk(run, ids)
        return run

    return Case(name, about, ids, build)


def golden_model(seed: int, folder: Path) -> BackpackRun:
    check()
    model = Backpack(GOLDEN_CONFIG)
    state = {name: value.float() for name, value in golden_state(model).items()}
    model.load_state_dict(state)
    fields = {key: value for key, value in asdict(GOLDEN_CONFIG).items() if key != "sense_sum"}
    write_config(folder, HUB | fields)
    write_safetensors(folder, state)
    run = BackpackRun(model)
    check_trunk(run, GOLDEN_IDS)
    return run


def check_golden_model(sites: State, continuation: list[int]) -> None:
    want = torch.tensor([-0.19275742, -0.84134093, 0.12385193, -1.08176863, -1.81802584])
    assert (sites["logits"][4, :5] - want).abs().max() < 1e-5


def write_hub(folder: Path, state: State, config: BackpackConfig) -> None:
    write_safetensors(folder, with_aliases(state) | mask_buffers(config, torch.bool))


def write_levanter(folder: Path, state: State, config: BackpackConfig) -> None:
    write_shards(folder, with_aliases(state, head=False), 3)


def write_bin(folder: Path, state: State, config: BackpackConfig) -> None:
    """Aliases share storage, matrices of the trunk are transposed views, layer norms are slices of one storage."""
    stored = {
        name: p.t().contiguous().t() if p.ndim == 2 and ".h." in name else p for name, p in state.items()
    }
    flat = torch.cat([stored[f"backpack.sense_network.block.{name}"] for name in ("ln_1.weight", "ln_1.bias")])
    M = config.n_embd
    stored["backpack.sense_network.block.ln_1.weight"] = flat[:M]
    stored["backpack.sense_network.block.ln_1.bias"] = flat[M:]
    write_pickle(folder, with_aliases(stored) | mask_buffers(config, torch.uint8))


CASES = [
    Case(
        "backpack-formula",
        "Weights from an integer hash, with published numbers. Eight positions, so only three tokens fit after the ids.",
        GOLDEN_IDS,
        golden_model,
        check_golden_model,
        seeds=range(1),
        greedy_tokens=GOLDEN_CONFIG.n_positions - len(GOLDEN_IDS),
    ),
    case(
        "backpack-hub",
        "As backpack-gpt2: model_type gpt2, summed senses, aliases, lm_head and mask buffers stored. "
        "3 senses do not divide width 20; n_inner 28.",
        [7, 31, 0, 52, 31, 9, 14, 14, 2, 40],
        HUB
        | dict(vocab_size=53, n_positions=80, n_ctx=80, n_embd=20, n_layer=3, n_head=4, n_inner=28, num_senses=3)
        | dict(sense_intermediate_scale=3, layer_norm_epsilon=1e-5, scale_attn_by_inverse_layer_idx=True)
        | dict(scale_attn_weights=True, bos_token_id=52, eos_token_id=52, transformers_version="4.29.0.dev0"),
        write_hub,
    ),
    case(
        "backpack-levanter",
        "As levanter-backpack-1b: model_type backpack-gpt2, architectures a string, mean of senses, no lm_head, "
        "three shards. 5 senses of width 24 have keys of width 4.",
        [3, 44, 12, 12, 5, 30, 21, 8, 0],
        dict(architectures="BackpackGPT2LMHeadModel", model_type="backpack-gpt2", activation_function="gelu_new")
        | dict(vocab_size=47, n_positions=80, n_embd=24, n_layer=2, n_head=3, num_senses=5)
        | dict(sense_intermediate_scale=2, layer_norm_epsilon=1e-5, scale_attn_by_inverse_layer_idx=True),
        write_levanter,
    ),
    case(
        "backpack-bin",
        "pytorch_model.bin of torch.save: shared storages, transposed views, slices at an offset, uint8 mask buffers.",
        [1, 19, 33, 40, 7, 7, 26, 11, 2, 5, 38],
        HUB
        | dict(vocab_size=41, n_positions=78, n_embd=16, n_layer=4, n_head=2, n_inner=None, num_senses=4)
        | dict(sense_intermediate_scale=4, layer_norm_epsilon=1e-5, scale_attn_by_inverse_layer_idx=True),
        write_bin,
    ),
]
