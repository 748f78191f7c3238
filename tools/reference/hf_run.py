"""Runs a transformers model in float32 and records the sites of its attention blocks.

Most sites are inputs and outputs of modules, taken by forward hooks. Rotated queries and keys, the pattern and z live
inside of the eager attention function, which is wrapped for the time of one pass.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from sys import modules
from types import ModuleType

import torch
import transformers
from golden_files import State
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, DynamicCache, PreTrainedModel

MADE_WITH = f"transformers {transformers.__version__}, PyTorch {torch.__version__}, float32, eager attention"


def load(folder: Path) -> PreTrainedModel:
    """The checkpoint as transformers itself reads it. A weight that it does not find there is an error."""
    options = dict(dtype=torch.float32, attn_implementation="eager", experts_implementation="eager")
    model, info = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True, **options)
    if info["missing_keys"] or info["mismatched_keys"]:
        raise ValueError(f"{folder.name}: transformers misses {info['missing_keys']} {info['mismatched_keys']}")
    return model.eval()


@contextmanager
def replaced(module: ModuleType, name: str, wrap: Callable[[Callable], Callable]) -> Iterator[None]:
    """The function of that name, wrapped while the block runs."""
    original = getattr(module, name)
    setattr(module, name, wrap(original))
    try:
        yield
    finally:
        setattr(module, name, original)


class Hooks:
    """Forward hooks that write into a state and are taken off at the end."""

    def __init__(self, sites: State):
        self.sites = sites
        self.handles: list[torch.utils.hooks.RemovableHandle] = []

    def into(self, module: nn.Module, name: str) -> None:
        """The first input of the module, without the batch axis. An input that is a keyword is the hidden state."""

        def hook(_: nn.Module, args: tuple, kwargs: dict) -> None:
            self.sites[name] = (args[0] if args else kwargs["hidden_states"])[0].clone()

        self.handles.append(module.register_forward_pre_hook(hook, with_kwargs=True))

    def out_of(self, module: nn.Module, name: str) -> None:
        def hook(_: nn.Module, args: tuple, output: Tensor | tuple) -> None:
            self.sites[name] = (output[0] if isinstance(output, tuple) else output)[0].clone()

        self.handles.append(module.register_forward_hook(hook))

    def on(self, module: nn.Module, hook: Callable) -> None:
        self.handles.append(module.register_forward_hook(hook))

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()


class HfRun:
    """A reference on top of a transformers model."""

    made_with = MADE_WITH

    def __init__(self, model: PreTrainedModel):
        self.model = model.eval()

    @torch.no_grad()
    def logits(self, ids: list[int]) -> Tensor:
        return self.model(torch.tensor([ids]), use_cache=False).logits[0]

    def sites(self, ids: list[int]) -> State:
        sites: State = {}
        hooks = Hooks(sites)
        self.hook(hooks, sites)
        try:
            with replaced(modules[type(self.model).__module__], *self.recorder(sites)):
                logits = self.logits(ids)
        finally:
            hooks.remove()
        return sites | {"logits": logits}

    def confirm(self, ids: list[int], continuation: list[int]) -> None:
        """Against transformers' own greedy generation, which keeps a cache."""
        prompt, count = torch.tensor([ids]), len(continuation)
        self.model.generation_config.eos_token_id = None
        options = dict(do_sample=False, max_new_tokens=count, pad_token_id=0, attention_mask=torch.ones_like(prompt))
        got = self.model.generate(prompt, **options)[0, len(ids) :].tolist()
        assert got == continuation, f"generate() gives {got}, repeated passes give {continuation}"

    def recorder(self, sites: State) -> tuple[str, Callable[[Callable], Callable]]:
        return "eager_attention_forward", lambda original: recording_attention(original, sites)

    def hook(self, hooks: Hooks, sites: State) -> None:
        body = self.model.model
        hooks.into(body.layers[0], "embed")
        hooks.out_of(body.norm, "hidden")
        for i, layer in enumerate(body.layers):
            at = f"blocks.{i}."
            hooks.into(layer, at + "residPre")
            hooks.out_of(layer.input_layernorm, at + "attnIn")
            hooks.out_of(layer.self_attn.o_proj, at + "attnOut")
            hooks.into(layer.post_attention_layernorm, at + "residMid")
            hooks.out_of(layer.post_attention_layernorm, at + "mlpIn")
            hooks.out_of(layer, at + "residPost")
            self.hook_mlp(layer, hooks, sites, at)

    def hook_mlp(self, layer: nn.Module, hooks: Hooks, sites: State, at: str) -> None:
        hooks.into(layer.mlp.down_proj, at + "mlpHidden")
        hooks.out_of(layer.mlp, at + "mlpOut")


class StepwiseRun(HfRun):
    """Reads token by token with a cache, as generation does: with a dynamic RoPE, one pass over all tokens gives other numbers."""

    @torch.no_grad()
    def steps(self, ids: list[int]) -> Iterator[Tensor]:
        cache = DynamicCache(config=self.model.config)
        for position, token in enumerate(ids):
            place = torch.tensor([[position]])
            options = dict(past_key_values=cache, use_cache=True, position_ids=place)
            yield self.model(torch.tensor([[token]]), **options).logits[0]

    def logits(self, ids: list[int]) -> Tensor:
        return torch.cat(list(self.steps(ids)))

    def sites(self, ids: list[int]) -> State:
        """Of each token by itself, one below the other; patterns, which grow, are left out. Keys and values of the last step are all."""
        sites: State = {}
        parts: list[State] = []
        hooks = Hooks(sites)
        self.hook(hooks, sites)
        try:
            with replaced(modules[type(self.model).__module__], *self.recorder(sites)):
                for logits in self.steps(ids):
                    parts.append(sites | {"logits": logits})
                    sites.clear()
        finally:
            hooks.remove()
        names = [name for name in parts[0] if not name.endswith(".pattern")]
        last = {name: parts[-1][name] for name in names if name.endswith((".k", ".v"))}
        return {name: torch.cat([part[name] for part in parts]) for name in names if name not in last} | last


class MoeRun(HfRun):
    def hook_mlp(self, layer: nn.Module, hooks: Hooks, sites: State, at: str) -> None:
        moe = layer.block_sparse_moe
        if getattr(layer, "shared_mlp", None) is None:
            hooks.out_of(moe, at + "mlpOut")
        else:
            hooks.into(layer.shared_mlp.output_linear, at + "sharedHidden")

            def add(_: nn.Module, args: tuple, output: Tensor) -> None:
                sites[at + "sharedOut"] = output[0].clone()
                sites[at + "mlpOut"] = routed[0] + output[0]

            routed: list[Tensor] = []
            hooks.on(moe, lambda _, args, output: routed.__setitem__(slice(None), [output[0].clone()]))
            hooks.on(layer.shared_mlp, add)

        def routing(_: nn.Module, args: tuple, output: tuple[Tensor, Tensor, Tensor]) -> None:
            chosen, gates, logits = output
            sites[at + "routerLogits"] = logits.clone()
            sites[at + "expertIds"] = chosen.to(torch.int32)
            sites[at + "expertGates"] = gates.clone()

        hooks.on(moe.router, routing)


def recording_attention(original: Callable, sites: State) -> Callable:
    """q [1, H, T, D], k and v [1, K, T, D]; the output is [1, T, H, D], the pattern [1, H, T, S]."""

    def attention(module: nn.Module, q: Tensor, k: Tensor, v: Tensor, *args, **kwargs) -> tuple[Tensor, Tensor]:
        z, pattern = original(module, q, k, v, *args, **kwargs)
        at = f"blocks.{module.layer_idx}."
        for name, value in (("q", q), ("k", k), ("v", v)):
            sites[at + name] = value[0].transpose(0, 1).clone()
        sites[at + "pattern"] = pattern[0].clone()
        sites[at + "z"] = z[0].clone()
        return z, pattern

    return attention
