"""Makes tests/golden/*/lens.safetensors: `python make_lens.py`, after make_goldens.py, which clears the folders.

The lens puts the output of an earlier layer in the place of the last layer's, by a forward hook, and lets the model go on:
its own norm, head and scales. Attribution takes the final norm with its scale at the last token, and gives it each part.
"""

import json
from pathlib import Path

import torch
from bit_linear import load_ternary
from cases_backpack import BackpackRun
from cases_tiny import load_backpack
from golden_files import GOLDEN_ROOT, State, unshared
from hf_run import HfRun, MoeRun, load
from mamba_run import MambaRun
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers.utils import logging

MODELS = GOLDEN_ROOT.parents[1] / "models"
LOADERS = {
    "backpack-hub": load_backpack,
    "backpack-tiny": load_backpack,
    "bitnet-tiny": load_ternary,
    "llama-2b4t": load_ternary,
    "llama-grouped": lambda folder: HfRun(load(folder)),
    "granite-moe-10": lambda folder: MoeRun(load(folder)),
    "granite-moe-shared": lambda folder: MoeRun(load(folder)),
    "granite-tied": lambda folder: HfRun(load(folder)),
    "granite-tiny": lambda folder: MoeRun(load(folder)),
    "falcon-mamba": lambda folder: MambaRun(load(folder)),
    "mamba-odd": lambda folder: MambaRun(load(folder)),
    "mamba-tiny": lambda folder: MambaRun(load(folder)),
}


def layers_of(run: BackpackRun | HfRun) -> nn.ModuleList:
    if isinstance(run, BackpackRun):
        return run.model.backpack.gpt2_model.h
    return run.model.backbone.layers if isinstance(run, MambaRun) else run.model.model.layers


def ending_with(run: BackpackRun | HfRun, ids: list[int], value: Tensor) -> Tensor:
    """Logits [T, V] when the last layer gives value [T, M]."""

    def hook(_: nn.Module, args: tuple, output: Tensor | tuple) -> Tensor | tuple:
        return (value[None], *output[1:]) if isinstance(output, tuple) else value[None]

    handle = layers_of(run)[-1].register_forward_hook(hook)
    try:
        return run.logits(ids)
    finally:
        handle.remove()


def lens(run: BackpackRun | HfRun, ids: list[int], sites: State) -> State:
    names = ["blocks.0.residPre", *(f"blocks.{i}.residPost" for i in range(len(layers_of(run))))]
    return {f"lens.{name}": ending_with(run, ids, sites[name])[-1].clone() for name in names}


def attribution(run: HfRun, sites: State, word: int, against: int) -> State:
    """What each part adds at the last token to logits[word] - logits[against]."""
    model = run.model
    norm = model.backbone.norm_f if isinstance(run, MambaRun) else model.model.norm
    eps = getattr(norm, "variance_epsilon", getattr(norm, "eps", None))
    layers = layers_of(run)
    x = sites[f"blocks.{len(layers) - 1}.residPost"][-1].double()
    scale = torch.rsqrt(x.pow(2).mean() + eps)
    row = model.lm_head.weight.double() / getattr(model.config, "logits_scaling", 1)
    direction = (row[word] - row[against]) * norm.weight.double() * scale
    by = getattr(model.config, "residual_multiplier", 1)
    parts = [sites["embed"][-1].double() @ direction]
    heads = []
    for i, layer in enumerate(layers):
        at = f"blocks.{i}."
        if isinstance(run, MambaRun):
            parts.append(sites[at + "mixerOut"][-1].double() @ direction)
            continue
        for site in ("attnOut", "mlpOut"):
            parts.append(by * sites[at + site][-1].double() @ direction)
        read = sites.get(at + "zNorm", sites[at + "z"].flatten(1))[-1]
        count = sites[at + "z"].shape[1]
        own = torch.eye(count).repeat_interleave(read.shape[0] // count, dim=1)
        made = layer.self_attn.o_proj(torch.cat([own * read, torch.zeros(1, read.shape[0])]))
        heads.append(by * (made[:-1] - made[-1:]).double() @ direction)
    found = {"attribution.parts": torch.stack(parts).float()}
    return found | ({"attribution.heads": torch.stack(heads).float()} if heads else {})


@torch.no_grad()
def make(name: str, folder: Path) -> None:
    shipped = MODELS / name
    run = LOADERS[name](shipped if shipped.exists() else folder)
    ids = json.loads((folder / "golden.json").read_text())["ids"]
    sites = run.sites(ids)
    state = lens(run, ids, sites)
    word, against = sites["logits"][-1].topk(2).indices.tolist()
    if not isinstance(run, BackpackRun):
        state |= attribution(run, sites, word, against)
        total = state["attribution.parts"].sum()
        want = sites["logits"][-1][word] - sites["logits"][-1][against]
        assert abs(total - want) < 1e-4 * sites["logits"].abs().max(), (name, total, want)
    state["words"] = torch.tensor([word, against], dtype=torch.int32)
    save_file(unshared(state), folder / "lens.safetensors", metadata={"made_with": run.made_with})
    print(name, len(state))


def main() -> None:
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    for name in LOADERS:
        make(name, GOLDEN_ROOT / name)


if __name__ == "__main__":
    main()
