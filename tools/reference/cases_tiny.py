"""Goldens of the trained models under models/. The checkpoints stay where they are; only what they compute is written."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from backpack_reference import Backpack, BackpackConfig
from bit_linear import load_ternary
from cases_backpack import BackpackRun
from golden_case import Case, Reference
from hf_run import MoeRun, load
from mamba_run import MambaRun
from safetensors.torch import load_file
from tokenizers import Tokenizer

MODELS = Path(__file__).resolve().parents[2] / "models"
TEXT = "Once upon a time there was a little"


def load_backpack(folder: Path) -> BackpackRun:
    model = Backpack(BackpackConfig.from_json((folder / "config.json").read_text()))
    stored = load_file(folder / "model.safetensors")
    model.load_state_dict({name: stored[name].float() for name in model.state_dict()})
    return BackpackRun(model)


LOADERS: dict[str, Callable[[Path], Reference]] = {
    "backpack-tiny": load_backpack,
    "bitnet-tiny": load_ternary,
    "mamba-tiny": lambda folder: MambaRun(load(folder)),
    "granite-tiny": lambda folder: MoeRun(load(folder)),
}


def outermost(last: int, site: str) -> bool:
    """Sites of the first and the last block, and those outside of blocks."""
    block = re.match(r"blocks\.(\d+)\.", site)
    return not block or int(block[1]) in (0, last)


def tiny_case(name: str, loader: Callable[[Path], Reference]) -> Case:
    folder = MODELS / name
    ids = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(TEXT).ids
    config = (folder / "config.json").read_text()
    layers = int(re.search(r'"(?:n_layer|num_hidden_layers)": (\d+)', config)[1])
    return Case(
        name,
        f"models/{name}: sites of the first and last block.",
        ids,
        lambda seed, _: loader(folder),
        seeds=range(1),
        keep=partial(outermost, layers - 1),
        notes={"text": TEXT},
    )


CASES = [tiny_case(name, loader) for name, loader in LOADERS.items() if (MODELS / name / "config.json").exists()]
