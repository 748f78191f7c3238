"""The references of golden_case with interventions: forward hooks that change values in place, before the recording ones see them."""

from collections.abc import Callable

import torch
from backpack_reference import Backpack
from cases_backpack import BackpackRun
from golden_files import State
from hf_run import HfRun
from intervene import Edits
from mamba_run import MambaRun
from torch import Tensor, nn
from transformers import DynamicCache


class EditedBackpack:
    """The record function of the reference is told every value by name, and may change it in place."""

    def __init__(self, run: BackpackRun, edits: Edits):
        self.model: Backpack = run.model
        self.edits = edits

    @torch.no_grad()
    def sites(self, ids: list[int]) -> State:
        out: State = {}
        self.edits.ids = ids

        def record(name: str, value: Tensor) -> None:
            if name == "senseWeights":
                self.edits.weigh_senses(value[0])
            self.edits.on(name, value[0])
            out[name] = value[0].clone()

        self.model(torch.tensor([ids]), record)
        return out

    def logits(self, ids: list[int]) -> Tensor:
        return self.sites(ids)["logits"]


class EditedHf:
    """A transformers model whose modules get forward hooks for as long as this lives."""

    def __init__(self, run: HfRun, edits: Edits):
        self.run, self.edits = run, edits
        if isinstance(run, MambaRun):
            self.hook_mamba(run.model)
        else:
            self.hook_attention(run.model)

    def sites(self, ids: list[int]) -> State:
        self.edits.ids, self.edits.offset = ids, 0
        found = self.run.sites(ids)
        return found

    def logits(self, ids: list[int]) -> Tensor:
        self.edits.ids, self.edits.offset = ids, 0
        return self.run.logits(ids)

    def into(self, module: nn.Module, site: str, part: Callable[[Tensor], Tensor] = lambda x: x) -> None:
        def hook(_: nn.Module, args: tuple, kwargs: dict) -> None:
            self.edits.on(site, part((args[0] if args else kwargs["hidden_states"])[0]))

        module.register_forward_pre_hook(hook, with_kwargs=True)

    def out_of(self, module: nn.Module, site: str, part: Callable[[Tensor], Tensor] = lambda x: x) -> None:
        def hook(_: nn.Module, args: tuple, output: Tensor | tuple) -> None:
            self.edits.on(site, part((output[0] if isinstance(output, tuple) else output)[0]))

        module.register_forward_hook(hook)

    def hook_attention(self, model: nn.Module) -> None:
        body, heads = model.model, model.config.num_attention_heads
        self.into(body.layers[0], "embed")
        for i, layer in enumerate(body.layers):
            at = f"blocks.{i}."
            self.into(layer, at + "residPre")
            self.out_of(layer.input_layernorm, at + "attnIn")
            reads_z = getattr(layer.self_attn, "attn_sub_norm", layer.self_attn.o_proj)
            self.into(reads_z, at + "z", lambda x: x.view(len(x), heads, -1))
            self.out_of(layer.self_attn.o_proj, at + "attnOut")
            self.into(layer.post_attention_layernorm, at + "residMid")
            self.out_of(layer.post_attention_layernorm, at + "mlpIn")
            moe = getattr(layer, "block_sparse_moe", None)
            if moe is not None:
                moe.router.register_forward_hook(self.router(i, moe.router.top_k))
            else:
                self.into(getattr(layer.mlp, "ffn_sub_norm", layer.mlp.down_proj), at + "mlpHidden")
            self.out_of(moe if moe is not None else layer.mlp, at + "mlpOut")
            self.out_of(layer, at + "residPost")
        self.out_of(body.norm, "hidden")
        model.register_forward_hook(lambda _, args, output: self.edits.on("logits", output.logits[0]))

    def router(self, layer: int, count: int) -> Callable:
        def hook(_: nn.Module, args: tuple, output: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
            return self.edits.route(layer, output[2], count)

        return hook

    def hook_mamba(self, model: nn.Module) -> None:
        body = model.backbone
        self.into(body.layers[0], "embed")
        for i, layer in enumerate(body.layers):
            at = f"blocks.{i}."
            self.into(layer, at + "residPre")
            self.out_of(layer.norm, at + "mixerIn")
            width = layer.mixer.intermediate_size
            self.out_of(layer.mixer.in_proj, at + "x", lambda y, width=width: y[:, :width])
            self.out_of(layer.mixer.in_proj, at + "gate", lambda y, width=width: y[:, width:])
            self.into(layer.mixer.x_proj, at + "convOut")
            self.out_of(layer.mixer, at + "mixerOut")
            self.out_of(layer, at + "residPost")
        self.out_of(body.norm_f, "hidden")
        model.register_forward_hook(lambda _, args, output: self.edits.on("logits", output.logits[0]))


class SteppedMamba(EditedHf):
    """Reads token by token with transformers' cache, in which states are changed."""

    @torch.no_grad()
    def logits(self, ids: list[int]) -> Tensor:
        model, edits = self.run.model, self.edits
        edits.ids = ids
        cache, rows = DynamicCache(config=model.config), []
        for position, token in enumerate(ids):
            edits.offset = position
            for one in edits.states(position):
                for i, layer in enumerate(cache.layers if position > 0 else []):
                    edits.change_state(one, f"blocks.{i}.ssmState", layer.recurrent_states[0][0])
                    # [E, window], of which the oldest is not read again; ours keeps [window - 1, E].
                    edits.change_state(one, f"blocks.{i}.window", layer.conv_states[0][0, :, 1:].T)
            rows.append(model(torch.tensor([[token]]), cache_params=cache, use_cache=True).logits[0])
        return torch.cat(rows)

    def sites(self, ids: list[int]) -> State:
        return {"logits": self.logits(ids)}


@torch.no_grad()
def states_after(run: MambaRun, ids: list[int]) -> State:
    """The recurrent states that a text leaves, by the names of saved states."""
    sites = run.sites(ids)
    return {f"state.{name}": value for name, value in sites.items() if name.endswith("ssmState")}


def edited(run: BackpackRun | HfRun, edits: Edits) -> EditedBackpack | EditedHf:
    if isinstance(run, BackpackRun):
        return EditedBackpack(run, edits)
    return (SteppedMamba if any("state" in one for one in edits.interventions) else EditedHf)(run, edits)


