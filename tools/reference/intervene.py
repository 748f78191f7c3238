"""Interventions as a file of JSON says them, on tensors of PyTorch: written from the description of the format, not from the library.

`Edits.on(site, x)` changes the value [T, ...] of a site in place, from a hook. Positions are counted from `offset`, the tokens that a cache
has read before. Strengths are numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import torch
from golden_files import State
from torch import Tensor

CHOSEN = 1e30


@dataclass
class Edits:
    interventions: list[dict]
    vectors: State
    prompt_length: int
    ids: list[int] = field(default_factory=list)  # of the whole text, up to the last token that is read
    offset: int = 0
    choice_margin: float = float("inf")  # least gap between an expert that was chosen and one that was not

    def on(self, site: str, x: Tensor) -> None:
        for one in self.interventions:
            if "site" in one and fnmatchcase(site, one["site"]):
                self.change(one, site, x)
            if "senses" in one and site == "senses" and "scale" not in one:
                self.change(one | sense_heads(one), site, x)

    def change(self, one: dict, site: str, x: Tensor) -> None:
        held = self.held(one, len(x))
        mask = channels_of(one, x.shape[1:])  # [...]
        new = changed(one, site, x, mask, self.vectors, self.rows_of(one))
        where = held.view(-1, *[1] * (x.ndim - 1)) & mask
        x.copy_(torch.where(where, new, x))

    def places(self, one: dict) -> list[int] | None:
        """Absolute positions, in the order in which they are named; None for all."""
        match one.get("positions"):
            case None:
                return None
            case list(some):
                return [self.place(p) for p in some]
            case span:
                end = self.place(span["to"]) if "to" in span else 10_000
                return list(range(self.place(span.get("from", 0)), end))

    def place(self, position: int) -> int:
        return position if position >= 0 else self.prompt_length + position

    def generated(self, one: dict, position: int) -> bool:
        """Is the prediction that is made at this position among those for which it holds?"""
        step = position - self.prompt_length + 1
        return ("from" not in one or step >= one["from"] or (one["from"] == 0 and step >= 0)) and (
            "to" not in one or step < one["to"]
        )

    def held(self, one: dict, count: int) -> Tensor:
        places = self.places(one)
        tokens = one.get("tokens") or ([one["senses"]["token"]] if "token" in one.get("senses", {}) else None)
        positions = range(self.offset, self.offset + count)
        return torch.tensor(
            [
                (places is None or p in places)
                and (tokens is None or self.ids[p] in tokens)
                and self.generated(one, p)
                for p in positions
            ]
        )

    def rows_of(self, one: dict) -> dict[int, int]:
        """Row of the step -> row of the vector, for vectors with a row for each position."""
        return {p - self.offset: row for row, p in enumerate(self.places(one) or [])}

    def weigh_senses(self, weights: Tensor) -> None:
        """weights [Z, T, S]: multiplied, and not normalised again."""
        for one in self.interventions:
            if "senses" not in one or "scale" not in one:
                continue
            token, sense, places = one["senses"].get("token"), one["senses"].get("sense"), self.places(one)
            for t in range(weights.shape[1]):
                if not self.generated(one, t):
                    continue
                for s in range(t + 1):
                    if (token is None or self.ids[s] == token) and (places is None or s in places):
                        weights[slice(None) if sense is None else sense, t, s] *= one["scale"]

    def route(self, layer: int, logits: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Of the router's scores [T, X]: which experts, with which weights, and the scores after all changes."""
        scores, choice_of = logits.clone(), []
        for one in self.interventions:
            if "experts" not in one or layer not in one.get("layers", [layer]):
                continue
            cells = self.held(one, len(scores))[:, None] & torch.isin(torch.arange(scores.shape[1]), torch.tensor(one["experts"]))
            if one.get("disable"):
                scores[cells] = float("-inf")
            elif one.get("force"):
                choice_of.append(cells)
            else:
                scores[cells] += one["bias"]
        choice = scores.clone()
        for cells in choice_of:
            choice[cells] = CHOSEN
        best, order = choice.sort(dim=-1, descending=True)
        if count < best.shape[1]:
            self.choice_margin = min(self.choice_margin, (best[:, count - 1] - best[:, count]).min().item())
        chosen = order[:, :count]
        return chosen, scores.gather(1, chosen).softmax(-1), scores

    def states(self, position: int) -> Iterator[dict]:
        """Changes of the state before the token at this position is read."""
        return (one for one in self.interventions if "state" in one and one["at"] == position)

    def change_state(self, one: dict, name: str, x: Tensor) -> None:
        if not fnmatchcase(name, one["state"]):
            return
        if one.get("reset"):
            x.zero_()
        elif "scale" in one:
            x.mul_(one["scale"])
        else:
            x.copy_(numbers(one["set"], name, self.vectors).view(x.shape))


def sense_heads(one: dict) -> dict:
    return {"heads": [one["senses"]["sense"]]} if "sense" in one["senses"] else {}


def channels_of(one: dict, shape: torch.Size) -> Tensor:
    mask = torch.ones(shape, dtype=torch.bool)
    if "heads" in one:
        mask &= torch.isin(torch.arange(shape[0]), torch.tensor(one["heads"]))[:, None]
    if "channels" in one:
        mask &= torch.isin(torch.arange(shape[-1]), torch.tensor(one["channels"]))
    return mask


def numbers(vector: list | dict, site: str, vectors: State) -> Tensor:
    if isinstance(vector, list):
        return torch.tensor(vector, dtype=torch.float32)
    return vectors[vector["vector"].replace("{site}", site)].float()


def changed(one: dict, site: str, x: Tensor, mask: Tensor, vectors: State, rows: dict[int, int]) -> Tensor:
    """x [T, ...] as if it held everywhere."""
    if "scale" in one:
        return x * one["scale"]
    kind = next(key for key in ("add", "set", "project") if key in one)
    by, given, shape = one.get("by", 1.0), numbers(one[kind], site, vectors), x.shape[1:]
    if given.numel() == shape.numel():
        v = given.view(1, *shape)
    elif given.numel() == shape[-1]:
        v = given.view(-1)
    elif "channels" in one and given.numel() == len(one["channels"]):
        v = torch.zeros(shape[-1])
        v[torch.tensor(one["channels"])] = given
    else:
        row_of = torch.tensor([rows.get(t, 0) for t in range(len(x))])
        v = given.view(-1, *shape)[row_of]
    if kind == "add":
        return x + by * v
    if kind == "set":
        return x + by * (v - x)
    v = (v * mask).expand(1, *shape)
    axes = [-1] if given.numel() == shape[-1] else list(range(1, x.ndim))
    along = v / v.pow(2).sum(axes, keepdim=True).sqrt().clamp_min(1e-30)
    return x - by * (x * along).sum(axes, keepdim=True) * along
