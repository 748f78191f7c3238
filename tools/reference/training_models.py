"""Models of tests/golden as things that learn: their parameters under the names of the checkpoint, in float32 or float64."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from backpack_reference import Backpack, BackpackConfig
from golden_files import State
from lambda_linear import make_ternary
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoModelForCausalLM

BACKPACKS = ("gpt2", "backpack-gpt2")
# A second name for a tensor that is stored once more.
ALIASES = {
    "backpack.word_embeddings.weight": "backpack.gpt2_model.wte.weight",
    "backpack.position_embeddings.weight": "backpack.gpt2_model.wpe.weight",
    "lm_head.weight": "backpack.gpt2_model.wte.weight",
    "model.lm_head.weight": "embeddings.weight",
}
# Names of transformers 4 for what transformers 5 calls otherwise.
RENAMED = {
    "block_sparse_moe.input_linear.weight": "block_sparse_moe.experts.gate_up_proj",
    "block_sparse_moe.output_linear.weight": "block_sparse_moe.experts.down_proj",
    "block_sparse_moe.router.layer.weight": "block_sparse_moe.router.weight",
}


@dataclass
class Learner:
    """Maps ids of a sequence [T] to logits [T, V] and to the router logits [T, X] of each layer that has experts."""

    model: nn.Module
    logits: Callable[[Tensor], Tensor]
    parameters: dict[str, nn.Parameter]  # by the names of the checkpoint, each parameter once
    routers: list[Tensor] = field(default_factory=list)
    active_experts: int = 0

    def __call__(self, ids: list[int]) -> tuple[Tensor, list[Tensor]]:
        self.routers.clear()
        logits = self.logits(torch.tensor([ids]))
        return logits[0], list(self.routers)


@contextmanager
def precision(dtype: torch.dtype) -> Iterator[None]:
    """Modelling code asks for float32 in norms, softmax and scans; within this block it then gets the type."""
    single, to_single = torch.float32, Tensor.float
    torch.float32 = torch.float = dtype
    Tensor.float = lambda self: self.to(dtype)
    try:
        yield
    finally:
        torch.float32 = torch.float = single
        Tensor.float = to_single


def stored_state(folder: Path) -> State:
    state: State = {}
    if (pickle := folder / "pytorch_model.bin").exists():
        return torch.load(pickle)
    for file in sorted(folder.glob("*.safetensors")):
        if file.name.startswith("model"):
            state |= load_file(file)
    return state


def parameter_of(name: str, named: dict[str, nn.Parameter]) -> nn.Parameter:
    for old, new in RENAMED.items():
        if old in name and name not in named:
            name = name.replace(old, new)
    return named[name] if name in named else named["backbone." + name]


def learner(folder: Path, dtype: torch.dtype, ternary: bool = False) -> Learner:
    config = json.loads((folder / "config.json").read_text())
    state = stored_state(folder)
    if config["model_type"] in BACKPACKS:
        model = Backpack(BackpackConfig.from_json(json.dumps(config))).to(dtype).eval()
        model.load_state_dict({name: state[name] for name in model.state_dict()})
        logits = model
    else:
        options = dict(dtype=dtype, attn_implementation="eager", experts_implementation="eager")
        model = AutoModelForCausalLM.from_pretrained(folder, **options).to(dtype).eval()  # and its buffers
        logits = lambda ids: model(ids, use_cache=False).logits  # noqa: E731
    if ternary:
        make_ternary(model)
    named = dict(model.named_parameters())
    buffers = [name for name in state if name.endswith((".attn.bias", ".attn.masked_bias"))]
    primary = [name for name in state if ALIASES.get(name) not in state and name not in buffers]
    parameters = {name: parameter_of(name, named) for name in primary}
    for name, parameter in parameters.items():
        assert torch.equal(parameter.detach(), state[name].to(dtype)), name
    assert {id(p) for p in parameters.values()} == {id(p) for p in named.values()}, "a parameter without a name"
    made = Learner(model, logits, parameters, active_experts=config.get("num_experts_per_tok", 0))
    for module in model.modules():
        if type(module).__name__.endswith("TopKRouter"):
            module.register_forward_hook(lambda _, args, output: made.routers.append(output[2]))
    return made
