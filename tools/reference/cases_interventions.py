"""Interventions on the goldens' checkpoints: a list of each kind, logits under it, and greedy tokens. Vectors are drawn from a seed that leaves no near ties."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from bit_linear import load_ternary
from cases_backpack import BackpackRun
from cases_granite import run as granite_run
from cases_mamba import MambaRun
from cases_tiny import load_backpack
from golden_case import Reference, rounding_margin
from golden_files import GOLDEN_ROOT, State, unshared
from hf_run import HfRun, load
from intervene import Edits
from intervene_run import edited, states_after
from safetensors.torch import save_file
from torch import Tensor

GREEDY_TOKENS = 32
LEAST_TOKENS = 12
NEEDED = {"greedy": 2e-3, "experts": 1e-3, "rounding": 2e-4}

Made = tuple[list[dict], State]


@dataclass
class Case:
    golden: str
    name: str
    about: str
    make: Callable[[BackpackRun | HfRun], Made]


def vector(*shape: int, size: float = 1.0) -> Tensor:
    return size * torch.randn(*shape)


def inline(count: int, size: float = 1.0) -> list[float]:
    return [round(x, 3) for x in vector(count, size=size).tolist()]


def at_layers(site: str, width: int, layers: int = 2, size: float = 1.0) -> State:
    return {f"blocks.{i}.{site}": vector(width, size=size) for i in range(layers)}


def steer_dense(_: HfRun) -> Made:
    return [
        {"site": "blocks.*.residPost", "add": {"vector": "{site}"}, "by": 2.5, "positions": {"from": 3}},
        {"site": "blocks.0.residPre", "add": inline(20), "by": -0.75, "tokens": [17, 2]},
    ], at_layers("residPost", 20, size=0.4)


def ablate_dense(_: HfRun) -> Made:
    return [
        {"site": "blocks.1.z", "scale": 0, "heads": [1]},
        {"site": "blocks.0.mlpOut", "scale": 0.25, "positions": {"from": 2, "to": -1}},
        {"site": "blocks.*.mlpHidden", "scale": 0, "channels": [0, 5, 35]},
        {"site": "embed", "scale": 1.5, "positions": [0, -2]},
    ], {}


def set_dense(_: HfRun) -> Made:
    return [
        {"site": "blocks.0.z", "set": {"vector": "mean.blocks.0.z"}, "heads": [0]},
        {"site": "blocks.1.attnOut", "set": inline(3), "channels": [0, 3, 7], "by": 0.7},
        {"site": "blocks.1.residPre", "set": {"vector": "rows"}, "positions": {"from": 4, "to": 7}},
        {"site": "blocks.1.z", "set": inline(10), "positions": [-1]},
        {"site": "blocks.0.residMid", "set": {"vector": "listed"}, "positions": [8, 1]},
    ], {
        "mean.blocks.0.z": vector(2, 10),
        "rows": vector(3, 20, size=2.0),
        "listed": vector(2, 20, size=2.0),
    }


def project_dense(_: HfRun) -> Made:
    return [
        {"site": "hidden", "project": {"vector": "direction"}, "by": 1.0},
        {"site": "blocks.*.residMid", "project": {"vector": "direction"}, "by": 0.5},
        {"site": "blocks.1.z", "project": inline(10)},
        {"site": "blocks.0.attnOut", "project": inline(20), "channels": [1, 2, 3, 11], "by": 2.0},
    ], {"direction": vector(20)}


def order_dense(_: HfRun) -> Made:
    """What comes first acts first; parts of a generation."""
    return [
        {"site": "blocks.1.residPost", "scale": 0.5},
        {"site": "blocks.1.residPost", "add": {"vector": "a"}, "by": 1.5},
        {"site": "blocks.1.residPost", "project": {"vector": "b"}},
        {"site": "blocks.1.residPost", "scale": 1.25, "positions": {"from": -3}},
        {"site": "blocks.0.residPost", "add": {"vector": "b"}, "by": 3, "from": 4, "to": 11},
        {"site": "blocks.0.mlpOut", "scale": 0, "from": 8},
        {"site": "logits", "add": {"vector": "logits"}, "to": 6},
    ], {"a": vector(20), "b": vector(20), "logits": vector(50, size=2.0)}


def heads_llama(_: HfRun) -> Made:
    return [
        {"site": "blocks.0.z", "scale": 0, "heads": [0, 2]},
        {"site": "blocks.1.z", "add": {"vector": "z"}, "by": 1.5},
        {"site": "blocks.*.attnIn", "add": inline(24), "by": 0.5, "positions": [2, 3, -1]},
        {"site": "blocks.1.mlpIn", "project": inline(24), "tokens": [9]},
    ], {"z": vector(4, 6, size=0.5)}


def steer_ternary(_: HfRun) -> Made:
    return [
        {"site": "blocks.*.residPost", "add": {"vector": "{site}"}, "by": 1.5},
        {"site": "blocks.0.attnOut", "scale": 0.5, "positions": {"from": 1, "to": 4}},
    ], at_layers("residPost", 24, size=0.3)


def disable_experts(_: HfRun) -> Made:
    return [
        {"experts": [0, 7], "layers": [1], "disable": True},
        {"experts": [3], "layers": [0], "disable": True, "positions": {"from": 2}},
        {"site": "blocks.0.residPre", "add": inline(24), "by": 1.5},
    ], {}


def bias_experts(_: HfRun) -> Made:
    return [
        {"experts": [5, 2], "bias": 2.0},
        {"experts": [9], "bias": -3.5, "positions": [-1], "layers": [0]},
        {"experts": [1], "bias": 1.25, "from": 3},
        {"site": "blocks.0.residPost", "add": inline(24), "by": 1.5},
    ], {}


def force_experts(_: HfRun) -> Made:
    return [
        {"experts": [4], "force": True, "layers": [1]},
        {"experts": [9, 8], "force": True, "layers": [0], "tokens": [31, 21, 44]},
        {"experts": [6], "disable": True},
        {"site": "blocks.1.residMid", "add": inline(24), "by": 1.5},
    ], {}


def experts_of_40(_: HfRun) -> Made:
    return [
        {"experts": [11, 12, 13, 14, 15, 16, 17, 18], "force": True, "layers": [0]},
        {"experts": list(range(20)), "disable": True, "layers": [1]},
        {"experts": [39], "bias": 4.0, "layers": [1]},
        {"site": "blocks.1.mlpOut", "scale": 1.5},
        {"site": "blocks.0.residPost", "add": inline(16), "by": 1.5},
    ], {}


def steer_mamba(_: HfRun) -> Made:
    return [
        {"site": "blocks.*.residPost", "add": {"vector": "{site}"}, "by": 2.0, "positions": {"from": -4}},
        {"site": "blocks.1.mixerOut", "scale": 0.5},
        {"site": "blocks.0.convOut", "scale": 0, "channels": [2, 3, 20], "tokens": [27]},
        {"site": "blocks.2.gate", "add": inline(42), "by": 0.3, "from": 2},
        {"site": "blocks.2.mixerIn", "project": inline(14)},
    ], at_layers("residPost", 14, 3, size=0.4)


def scale_states(_: HfRun) -> Made:
    return [
        {"state": "blocks.1.ssmState", "scale": 0.5, "at": 4},
        {"state": "blocks.*.ssmState", "scale": 1.5, "at": 7},
        {"state": "blocks.0.window", "scale": 0.25, "at": 7},
    ], {}


def reset_states(_: HfRun) -> Made:
    """The second falls into the generation."""
    return [
        {"state": "blocks.*.ssmState", "reset": True, "at": 5},
        {"state": "blocks.2.ssmState", "reset": True, "at": 14},
        {"state": "blocks.1.window", "reset": True, "at": 14},
    ], {}


def transplant_state(run: MambaRun) -> Made:
    return [
        {"state": "blocks.*.ssmState", "set": {"vector": "state.{site}"}, "at": 9},
        {"site": "blocks.0.residPre", "add": inline(14), "by": 0.5},
    ], states_after(run, torch.randint(0, 51, (7,)).tolist())


def falcon_states(_: HfRun) -> Made:
    return [
        {"state": "blocks.*.ssmState", "scale": 0, "at": 3},
        {"state": "blocks.1.ssmState", "scale": -1, "at": 12},
        {"site": "blocks.0.mixerOut", "project": {"vector": "direction"}, "by": 1.5},
    ], {"direction": vector(14)}


def weigh_senses(_: BackpackRun) -> Made:
    return [
        {"senses": {"token": 31, "sense": 2}, "scale": 0},
        {"senses": {"sense": 1}, "scale": 1.5},
        {"senses": {"token": 14}, "scale": 2.25},
        {"senses": {"sense": 0}, "scale": 0.5, "positions": [4, -1]},
        {"senses": {"sense": 2}, "scale": 3.0, "from": 2, "to": 9},
    ], {}


def replace_senses(_: BackpackRun) -> Made:
    return [
        {"senses": {"token": 14}, "set": {"vector": "new.senses"}},
        {"senses": {"token": 31, "sense": 1}, "add": {"vector": "new"}, "by": 1.5},
        {"senses": {"sense": 0}, "set": {"vector": "new"}, "by": 0.25, "positions": [2]},
        {"senses": {"token": 14, "sense": 2}, "scale": 1.5},
    ], {"new.senses": vector(3, 20), "new": vector(20)}


def steer_backpack(_: BackpackRun) -> Made:
    return [
        {"site": "context", "add": {"vector": "context"}, "by": 1.5},
        {"site": "blocks.2.z", "scale": 0, "heads": [3]},
        {"site": "blocks.*.residPost", "project": {"vector": "context"}, "by": 0.5, "positions": {"to": 6}},
        {"site": "hidden", "add": inline(20), "by": 0.5, "tokens": [14, 40, 24]},
        {"senses": {"sense": 1}, "scale": 0.75},
    ], {"context": vector(20)}


def open_run(golden: str) -> BackpackRun | HfRun:
    folder = GOLDEN_ROOT / golden
    if golden.startswith("backpack"):
        return load_backpack(folder)
    if golden in ("llama-2b4t", "llama-grouped"):
        return load_ternary(folder)
    if golden.startswith("granite"):
        return granite_run(folder, json.loads((folder / "config.json").read_text()))
    return (MambaRun if "mamba" in golden else HfRun)(load(folder))


CASES = [
    Case("granite-untied", "add", "Steering vectors in every block, and at tokens.", steer_dense),
    Case("granite-untied", "scale", "A head, channels, positions, scaled or removed.", ablate_dense),
    Case("granite-untied", "set", "Heads, channels and rows set to vectors.", set_dense),
    Case("granite-untied", "project", "Directions taken away, of rows, heads and some channels.", project_dense),
    Case("granite-untied", "order", "Several on one site, and for parts of a generation.", order_dense),
    Case("llama-dense", "heads", "Heads and normalised inputs.", heads_llama),
    Case("llama-2b4t", "add", "A ternary model.", steer_ternary),
    Case("granite-moe-10", "disable", "Experts that are never chosen.", disable_experts),
    Case("granite-moe-10", "bias", "Experts whose scores are changed.", bias_experts),
    Case("granite-moe-10", "force", "Experts that are always chosen.", force_experts),
    Case("granite-moe-40", "experts", "All experts forced in one layer, half of them disabled in the other.", experts_of_40),
    Case("mamba-odd", "sites", "Sites of the mixer.", steer_mamba),
    Case("mamba-odd", "state-scale", "States and windows scaled at positions.", scale_states),
    Case("mamba-odd", "state-reset", "States reset, also in the generation.", reset_states),
    Case("mamba-odd", "state-set", "The states that another text left.", transplant_state),
    Case("falcon-mamba", "state", "A state removed, and one turned around in the generation.", falcon_states),
    Case("backpack-hub", "weights", "How much senses count.", weigh_senses),
    Case("backpack-hub", "senses", "Sense vectors replaced and added to.", replace_senses),
    Case("backpack-hub", "sites", "Sites of the trunk, and senses.", steer_backpack),
]


def greedy(reference: Reference, ids: list[int], count: int) -> list[int]:
    """Up to the first choice that is too near."""
    out = list(ids)
    while len(out) < len(ids) + count:
        row = reference.logits(out)[-1]
        best, second = row.topk(2).values.tolist()
        if (best - second) / row.abs().max().item() < NEEDED["greedy"]:
            break
        out.append(int(row.argmax()))
    return out[len(ids) :]


def make(case: Case, seeds: range = range(100)) -> None:
    folder = GOLDEN_ROOT / case.golden
    ids = json.loads((folder / "golden.json").read_text())["ids"]
    for seed in seeds:
        torch.manual_seed(seed)
        plain = open_run(case.golden)
        interventions, vectors = case.make(plain)
        edits = Edits(interventions, vectors, len(ids))
        reference = edited(plain, edits)
        rounding = rounding_margin(reference.sites(ids))
        continuation = greedy(reference, ids, GREEDY_TOKENS)
        found = {"experts": edits.choice_margin, "rounding": rounding}
        if any(found[key] < NEEDED[key] for key in found):
            continue
        if len(continuation) >= LEAST_TOKENS and len(set(continuation)) >= 3:
            break
    else:
        raise SystemExit(f"{case.golden} {case.name}: no seed is free of near ties ({found})")
    write(folder, case, (interventions, vectors), {"ids": ids, "logits": reference.logits(ids), "greedy": continuation})
    moved = (reference.logits(ids) - open_run(case.golden).logits(ids)).abs().max().item()
    assert moved > 1e-2, f"{case.golden} {case.name} changes nothing"
    print(f"{case.golden} {case.name}: seed {seed}, logits move by {moved:.3g}, {len(continuation)} tokens, {found}")


def write(folder: Path, case: Case, made: Made, golden: dict) -> None:
    interventions, vectors = made
    base = f"interventions-{case.name}"
    file = {"version": 1}
    if vectors:
        file["vectors"] = f"{base}.vectors.safetensors"
        save_file(unshared(vectors), folder / file["vectors"])
    rows = ",\n".join(f"  {json.dumps(one)}" for one in interventions)
    head = json.dumps(file).removesuffix("}")
    (folder / f"{base}.json").write_text(f'{head}, "interventions": [\n{rows}\n] }}\n')
    numbers = {key: torch.tensor(golden[key], dtype=torch.int32) for key in ("ids", "greedy")}
    save_file(unshared(numbers | {"logits": golden["logits"]}), folder / f"{base}.golden.safetensors")
    for made_file in folder.glob(f"{base}.*"):
        made_file.chmod(0o644)
