"""A golden case: a checkpoint built from a seed, the reference that runs it, and the choice of a seed without near ties.

A golden is only useful where rounding cannot change a decision. Among the seeds of a case the first is taken for which
greedy choices, expert choices and the rounding of int8 activations all have a margin that float32 noise cannot cross.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch
from golden_files import GOLDEN_ROOT, State, fresh_folder, write_golden
from torch import Tensor

GREEDY_TOKENS = 64
NEEDED = {"experts": 2e-3, "rounding": 4e-4}


class Reference(Protocol):
    """A model with its weights, on float32."""

    made_with: str

    def sites(self, ids: list[int]) -> State:
        """Every site by name, logits [T, V] among them."""
        ...

    def logits(self, ids: list[int]) -> Tensor: ...

    def confirm(self, ids: list[int], continuation: list[int]) -> None:
        """Fails if another way of generating continues otherwise."""
        ...


@dataclass
class Case:
    name: str
    about: str
    ids: list[int]
    build: Callable[[int, Path], Reference]  # writes the checkpoint of this seed into the folder
    check: Callable[[State, list[int]], None] = lambda sites, continuation: None  # published numbers
    seeds: range = field(default_factory=lambda: range(60))
    greedy_tokens: int = GREEDY_TOKENS
    lead: float = 2e-3  # of a greedy choice over the second best, as a fraction of the largest logit
    keep: Callable[[str], bool] = lambda site: True  # sites that are written
    notes: dict = field(default_factory=dict)
    distinct: int = 6  # greedy tokens that must differ, lest the case tests one step 64 times


def greedy(reference: Reference, ids: list[int], count: int) -> tuple[list[int], float]:
    """Continuation, and the smallest lead of a chosen token as a fraction of the largest logit."""
    out, lead = list(ids), float("inf")
    for _ in range(count):
        row = reference.logits(out)[-1]
        best, second = row.topk(2).values.tolist()
        lead = min(lead, (best - second) / row.abs().max().item())
        out.append(int((row == best).nonzero()[0]))
    return out[len(ids) :], lead


def expert_margin(sites: State) -> float:
    """Smallest gap between neighbours among the chosen experts' logits and the first one not chosen."""
    margin = float("inf")
    for name, logits in sites.items():
        if name.endswith("routerLogits"):
            active = sites[name.replace("routerLogits", "expertIds")].shape[1]
            ordered = logits.sort(-1, descending=True).values[:, : active + 1]
            margin = min(margin, (ordered[:, :-1] - ordered[:, 1:]).min().item())
    return margin


def rounding_margin(sites: State) -> float:
    """Smallest distance of a scaled activation from a rounding tie."""
    margin = float("inf")
    for name, scale in sites.items():
        if name.endswith("Scale"):
            site = name.removesuffix("Scale")
            scaled = sites[site].reshape(len(scale), -1) * scale[:, None]
            margin = min(margin, (scaled - scaled.floor() - 0.5).abs().min().item())
    return margin


def wanting(found: dict[str, float], case: Case) -> bool:
    return any(found[key] < least for key, least in (NEEDED | {"greedy": case.lead}).items() if key in found)


def margins(reference: Reference, case: Case, sites: State) -> tuple[list[int], dict[str, float]]:
    found = {"experts": expert_margin(sites), "rounding": rounding_margin(sites)}
    if wanting(found, case) and len(case.seeds) > 1:
        return [], found | {"greedy": 0.0}
    continuation, found["greedy"] = greedy(reference, case.ids, case.greedy_tokens)
    return continuation, found


def make(case: Case) -> None:
    folder = GOLDEN_ROOT / case.name
    for seed in case.seeds:
        torch.manual_seed(seed)
        reference = case.build(seed, fresh_folder(folder))
        sites = reference.sites(case.ids)
        continuation, found = margins(reference, case, sites)
        enough = len(set(continuation)) >= case.distinct and not wanting(found, case)
        if enough or len(case.seeds) == 1:
            break
    else:
        raise SystemExit(f"{case.name}: none of {len(case.seeds)} seeds is free of near ties ({found})")
    case.check(sites, continuation)
    reference.confirm(case.ids, continuation)
    again = reference.logits(case.ids)
    assert torch.equal(again, sites["logits"]), f"{case.name}: recording changes the result"
    sites = {name: value for name, value in sites.items() if case.keep(name)}
    sites = {"ids": torch.tensor(case.ids, dtype=torch.int32)} | sites
    notes = {
        "about": case.about,
        "ids": case.ids,
        "greedy": continuation,
        **case.notes,
        "reference": reference.made_with,
        "margins": {key: float(f"{value:.3g}") for key, value in found.items() if value != float("inf")},
    }
    write_golden(folder, sites, notes)
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{case.name}: seed {seed}, {len(sites)} tensors, {size / 1000:.0f} kB, {notes['margins']}")
