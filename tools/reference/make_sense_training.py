"""Writes tests/golden/sense-training.json: sense fine-tuning (arXiv 2402.06155) of small Backpacks, with PyTorch's autograd and Adam, in float64.

    python make_sense_training.py

Selection, loss and the choice of an epoch are those of the authors' code (john-hewitt/model-editing-canonical-examples: importance.py, utils.py,
regularize.py, trainer.py), written out from their formulas. Gradients of all examples of a step are added, and the cosine goes down in each step.
"""

import json
import math

import torch
from backpack_reference import Backpack, BackpackConfig
from golden_files import GOLDEN_ROOT
from torch import Tensor
from torch.nn import functional as F
from training_models import stored_state

OPTIMIZER = {"name": "adamw", "lr": 0.05, "betas": [0.9, 0.995], "eps": 1e-8, "weightDecay": 0.0}


def load_golden(name: str) -> Backpack:
    folder = GOLDEN_ROOT / name
    model, stored = Backpack(BackpackConfig.from_json((folder / "config.json").read_text())), stored_state(folder)
    model.load_state_dict({key: stored[key].float() for key in model.state_dict()})
    return model


def numbers(generator: torch.Generator, words: int, *lengths: int) -> list[list[int]]:
    return [torch.randint(words, (n,), generator=generator).tolist() for n in lengths]


def case(model: str, loss: str, seed: int, **senses) -> dict:
    words = json.loads((GOLDEN_ROOT / model / "config.json").read_text())["vocab_size"]
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *lengths: numbers(generator, words, *lengths)
    examples = []
    for lengths in ((3, 2, 1), (4, 2, 1), (2, 3, 2)):
        prefix, suffix, other = draw(*lengths)
        two = loss in ("goodAgainstBad", "balance")
        examples.append({"prefix": prefix, "suffix": suffix} | ({"other": other} if two else {}))
    return {
        "model": model,
        "train": "senses",
        "senses": {"examples": examples, "loss": loss} | senses,
        "data": {"ids": [before + example["prefix"] + after for before, after, example in zip(draw(2, 1, 3), draw(4, 5, 3), examples)]},
        "batch": 1,
        "accumulate": 2,
        "optimizer": OPTIMIZER,
        "schedule": {"name": "cosine"},
    }


CASES = {
    "good": case("backpack-levanter", "good", 1, count=4, background=0.3, divergence=0.5, epochs=3, tolerance=0.0026),
    "bad": case("backpack-hub", "bad", 2, count=3, background=0.3, divergence=0.3, epochs=3, tolerance=0.01),
    "good-against-bad": case("backpack-levanter", "goodAgainstBad", 3, count=5, background=0.3, divergence=1.0, epochs=2, tolerance=1e-4),
    "balance": case("backpack-hub", "balance", 4, count=4, background=0.3, divergence=0.2, epochs=3, tolerance=0.0085),
}  # fmt: skip


class Tuned:
    """A Backpack with a vector added to chosen senses of tokens."""

    def __init__(self, name: str):
        self.model = load_golden(name).double().requires_grad_(False)
        self.senses = self.model.config.num_senses
        self.words, self.width = self.model.config.vocab_size, self.model.config.n_embd
        self.added = torch.zeros(self.words, self.senses, self.width, dtype=torch.float64)

    def weights(self, ids: list[int]) -> Tensor:
        """[Z, T, S]"""
        body = self.model.backpack
        context = body.gpt2_model(torch.tensor([ids]), lambda name, value: None)
        return body.sense_weight_net(context, lambda name, value: None)[0]

    def logits(self, ids: list[int], changed: bool = True) -> Tensor:
        senses = self.model.senses_of(torch.tensor(ids))
        if changed:
            senses = senses + self.added[ids]
        hidden = torch.einsum("ztj,jzm->tm", self.weights(ids), senses)
        if self.model.config.sense_sum == "mean":
            hidden = hidden / self.senses
        return hidden @ self.model.backpack.gpt2_model.wte.weight.T

    def weight_sums(self, ids: list[int], rows: list[int]) -> Tensor:
        """How much each sense of each token counts for the predictions of these rows, [V, Z]."""
        per_position = self.weights(ids)[:, rows].sum(1)  # [Z, S]
        return torch.zeros(self.words, self.senses, dtype=torch.float64).index_add_(
            0, torch.tensor(ids), per_position.T.contiguous()
        )


def within(example: dict, key: str) -> tuple[list[int], list[int]]:
    """Ids of a prefix and a suffix, and the rows that predict the suffix."""
    before, after = example["prefix"], example[key]
    return before + after, list(range(len(before) - 1, len(before) + len(after) - 1))


def sides(loss: str) -> list[str]:
    return ["suffix", "other"] if loss in ("goodAgainstBad", "balance") else ["suffix"]


def select(tuned: Tuned, senses: dict, rows: list[list[int]]) -> tuple[list[list[int]], float]:
    """The selected (token, sense), and the smallest gap between the last that an example selects and the next."""
    mean = sum(tuned.weight_sums(row[:-1], list(range(len(row) - 1))) for row in rows) / len(rows)
    chosen, gap = set(), math.inf
    for example in senses["examples"]:
        signs = {"suffix": 1, "other": 1 if senses["loss"] == "balance" else -1}
        sums = sum(signs[key] * tuned.weight_sums(*within(example, key)) for key in sides(senses["loss"]))
        assert ((sums > 1e-6).sum() > senses["count"]) and not ((sums > 0) & (sums < 1e-9)).any(), "sums that only rounding makes"
        importance = torch.where(sums > 0, sums - senses["background"] * mean, -math.inf).reshape(-1)
        top = importance.topk(senses["count"] + 1)
        gap = min(gap, (top.values[-2] - top.values[-1]).item())
        chosen |= {divmod(key, tuned.senses) for key in top.indices[:-1].tolist()}
    return sorted(map(list, chosen)), gap


def example_loss(tuned: Tuned, example: dict, loss: str) -> Tensor:
    def nll(key: str) -> Tensor:
        ids, rows = within(example, key)
        return F.cross_entropy(tuned.logits(ids)[rows], torch.tensor([ids[row + 1] for row in rows]))

    if loss == "good":
        return nll("suffix")
    if loss == "bad":
        return -nll("suffix")
    difference = nll("suffix") - nll("other")
    return difference if loss == "goodAgainstBad" else difference.abs()


def divergence(tuned: Tuned, row: list[int]) -> Tensor:
    ids = row[:-1]
    before, after = tuned.logits(ids, changed=False).log_softmax(-1), tuned.logits(ids).log_softmax(-1)
    return F.kl_div(after, before, log_target=True, reduction="sum")


def general(tuned: Tuned, rows: list[list[int]]) -> float:
    total = sum(F.cross_entropy(tuned.logits(row[:-1]), torch.tensor(row[1:]), reduction="sum") for row in rows)
    return total.item() / sum(len(row) - 1 for row in rows)


def train(name: str, config: dict) -> dict:
    tuned, senses, rows = Tuned(config["model"]), config["senses"], config["data"]["ids"]
    selected, gap = select(tuned, senses, rows)
    assert gap > 1e-5, (name, gap)
    token, sense = torch.tensor(selected).T
    added = torch.zeros(len(selected), tuned.width, dtype=torch.float64, requires_grad=True)
    options, examples = config["optimizer"], senses["examples"]
    optimizer = torch.optim.Adam([added], lr=options["lr"], betas=tuple(options["betas"]), eps=options["eps"])
    per_step = config["batch"] * config["accumulate"]
    steps = senses["epochs"] * math.ceil(len(examples) / per_step)
    trace = {"losses": [], "divergences": [], "gradNorms": [], "generalLosses": [], "kept": []}

    def put() -> None:
        tuned.added = torch.zeros_like(tuned.added).index_put((token, sense), added)

    before, kept, step = general(tuned, rows), torch.zeros_like(added), 0
    trace["generalBefore"] = before
    for epoch in range(senses["epochs"]):
        for first in range(0, len(examples), per_step):
            some = examples[first : first + per_step]
            texts = [rows[(epoch * len(examples) + first + i) % len(rows)] for i in range(len(some))]
            optimizer.zero_grad()
            put()
            parts = [example_loss(tuned, example, senses["loss"]) for example in some]
            away = [divergence(tuned, text) for text in texts]
            loss = (sum(parts) + senses["divergence"] * sum(away)) / len(some)
            loss.backward()
            optimizer.param_groups[0]["lr"] = 0.5 * (1 + math.cos(math.pi * step / steps)) * options["lr"]
            trace["losses"].append(loss.item())
            trace["divergences"].append(sum(away).item() / len(some))
            trace["gradNorms"].append(added.grad.norm().item())
            optimizer.step()
            step += 1
        with torch.no_grad():
            put()
            trace["generalLosses"].append(general(tuned, rows))
            trace["kept"].append(trace["generalLosses"][-1] < (1 + senses["tolerance"]) * before)
            if trace["kept"][-1]:
                kept = added.detach().clone()
    return {"config": config, "selected": selected} | trace | {"added": added.tolist(), "result": kept.tolist()}


def main() -> None:
    made = {name: train(name, config) for name, config in CASES.items()}
    rounded = json.loads(json.dumps(made), parse_float=lambda text: float(f"{float(text):.9g}"))
    about = f"PyTorch {torch.__version__} in float64; see tools/reference/make_sense_training.py"
    (GOLDEN_ROOT / "sense-training.json").write_text(json.dumps({"about": about} | rounded) + "\n")
    for name, one in made.items():
        print(name, one["selected"], one["losses"], one["divergences"], one["generalLosses"], one["kept"])


if __name__ == "__main__":
    main()
