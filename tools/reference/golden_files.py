"""Writing checkpoints as published repositories store them, and goldens next to them."""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

State = dict[str, Tensor]

GOLDEN_ROOT = Path(__file__).resolve().parents[2] / "tests" / "golden"


def fresh_folder(folder: Path) -> Path:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder


def write_config(folder: Path, config: dict | str) -> None:
    """A dict is written as transformers writes it; a string is written as it is."""
    text = config if isinstance(config, str) else json.dumps(config, indent=2) + "\n"
    (folder / "config.json").write_text(text)


def unshared(state: State) -> State:
    """safetensors refuses aliases and strides, so every tensor gets memory of its own."""
    return {name: tensor.detach().contiguous().clone() for name, tensor in state.items()}


def write_safetensors(folder: Path, state: State) -> None:
    save_file(unshared(state), folder / "model.safetensors", {"format": "pt"})


def write_shards(folder: Path, state: State, shards: int) -> None:
    """Shards of about equal size, in the order of the tensors, with the index file."""
    total = sum(t.numel() * t.element_size() for t in state.values())
    groups: list[State] = [{} for _ in range(shards)]
    seen = 0
    for name, tensor in state.items():
        groups[min(seen * shards // total, shards - 1)][name] = tensor
        seen += tensor.numel() * tensor.element_size()
    weight_map = {}
    for i, group in enumerate(groups, 1):
        file = f"model-{i:05}-of-{shards:05}.safetensors"
        save_file(unshared(group), folder / file, {"format": "pt"})
        weight_map |= dict.fromkeys(group, file)
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def write_pickle(folder: Path, state: State) -> None:
    torch.save(state, folder / "pytorch_model.bin")


def write_golden(folder: Path, sites: State, notes: dict) -> None:
    """golden.safetensors: ids, logits and every site; golden.json: what can be read without a tensor reader."""
    save_file(unshared(sites), folder / "golden.safetensors")
    rows = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in notes.items()]
    (folder / "golden.json").write_text("{\n" + ",\n".join(rows) + "\n}\n")
    for file in folder.iterdir():
        file.chmod(0o644)
