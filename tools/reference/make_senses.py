"""Writes tests/golden/senses.json: what the tools for senses compute, with the Python Backpack, NumPy and SciPy.

    python make_senses.py

The procedures are those of the authors' code (john-hewitt/backpacks-flash-attn: visualize_vocab.py, run_simlex.py, localize_pred.py,
test_genderbias.py, rank_vocab.py, intervened_models.py, modulate_generate.py), written out from their formulas.
"""

import json
import math
from pathlib import Path

import numpy as np
import scipy
import torch
from backpack_reference import GOLDEN_IDS, Backpack, BackpackConfig
from cases_tiny import load_backpack
from golden_files import GOLDEN_ROOT
from safetensors.torch import load_file
from scipy.optimize import minimize, rosen
from scipy.stats import rankdata, spearmanr
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F

MODELS = Path(__file__).resolve().parents[2] / "models"
NAMES = ["min", "max", "min-any", "max-any", "flat"]


def numbers(x: Tensor | np.ndarray) -> list:
    return x.tolist()


def load_golden(name: str) -> Backpack:
    folder = GOLDEN_ROOT / name
    model = Backpack(BackpackConfig.from_json((folder / "config.json").read_text()))
    stored = {}
    for file in sorted(folder.glob("model*.safetensors")):
        stored |= load_file(file)
    model.load_state_dict({key: stored[key].float() for key in model.state_dict()})
    return model.eval()


class Lab:
    """A model, with what its senses give."""

    def __init__(self, model: Backpack, words: list[int] | None = None):
        self.model = model
        self.E = model.backpack.gpt2_model.wte.weight.detach()
        self.C = model.senses_of(torch.arange(len(self.E))).detach()  # [V, Z, M]
        self.scale = 1 / model.config.num_senses if model.config.sense_sum == "mean" else 1.0
        self.words = words if words is not None else list(range(len(self.E)))  # ids that are words

    def weights(self, ids: list[int]) -> Tensor:
        """[Z, T, S]"""
        with torch.no_grad():
            context = self.model.backpack.gpt2_model(torch.tensor([ids]), lambda name, value: None)
            return self.model.backpack.sense_weight_net(context, lambda name, value: None)[0]

    def last_logits(self, ids: list[int], senses: Tensor | None = None, factors: Tensor | None = None) -> Tensor:
        """Of the last position, with senses [T, Z, M] in place of those of the tokens, and weights multiplied by factors [T, Z]."""
        senses = self.C[ids] if senses is None else senses
        weights = self.weights(ids)[:, -1]  # [Z, S]
        if factors is not None:
            weights = weights * factors.T
        return self.E @ (self.scale * torch.einsum("zj,jzm->m", weights, senses))

    def lookup(self, token: int, count: int = 3) -> dict:
        rows = []
        for sense in self.C[token]:
            logits = self.E @ sense
            top, bottom = logits.topk(count), (-logits).topk(count)
            rows.append({"top": [numbers(top.indices), numbers(top.values)]})
            rows[-1]["bottom"] = [numbers(bottom.indices), numbers(-bottom.values)]
        return {"token": token, "senses": rows}

    def similarities(self, a: Tensor, b: Tensor) -> dict:
        matched = F.cosine_similarity(a, b, dim=-1)
        every = F.cosine_similarity(a[:, None], b[None], dim=-1)
        values = [matched.min(), matched.max(), every.min(), every.max(), F.cosine_similarity(a.flatten(), b.flatten(), dim=0)]
        return {"senses": numbers(matched)} | {name: value.item() for name, value in zip(NAMES, values, strict=True)}

    def nearest(self, token: int, count: int = 4) -> dict:
        found: dict[str, list] = {}
        scored = {id: self.similarities(self.C[token], self.C[id]) for id in self.words if id != token}
        for by in [*NAMES, 1]:
            value = lambda id, by=by: scored[id]["senses"][by] if isinstance(by, int) else scored[id][by]  # noqa: E731
            best = sorted(scored, key=lambda id: (-value(id), id))[:count]
            found[str(by)] = [best, [value(id) for id in best]]
        return {"token": token, "by": found}

    def decomposition(self, ids: list[int], target: int, against: int | None) -> dict:
        direction = self.E[target] - (self.E[against] if against is not None else 0)
        weights = self.weights(ids)[:, -1]  # [Z, S]
        parts = self.scale * weights * torch.einsum("jzm,m->zj", self.C[ids], direction)
        with torch.no_grad():
            logits = self.model(torch.tensor([ids]))[0, -1]
        logit = (logits[target] - (logits[against] if against is not None else 0)).item()
        return {"ids": ids, "target": target, "against": against, "parts": numbers(parts), "logit": logit}

    def edit(self, ids: list[int], word: int, remove: int, add: int, strength: float) -> dict:
        r, a = self.E[remove], self.E[add]
        share = (self.C[word] @ r / (r @ r))[:, None]
        edited = self.C[word] - share * r + strength * share * (r @ r / (a @ a)) * a
        senses = torch.stack([edited if id == word else self.C[id] for id in ids])
        given = {"ids": ids, "word": word, "remove": remove, "add": add, "strength": strength}
        return given | {"senses": numbers(edited.flatten()[:48]), "logits": numbers(self.last_logits(ids, senses)[:8])}

    def topic(self, ids: list[int], targets: list[int], strength: list[float]) -> dict:
        logits = torch.einsum("xzm,vm->xzv", self.C, self.E)
        scores = logits[:, :, sorted(set(targets))].sum(-1) / logits.max(-1).values
        rest = torch.ones(len(self.E), dtype=torch.bool)
        rest[self.words] = False
        scores[rest] = 0
        bounds = np.quantile(scores.numpy().astype(np.float64), [0.95, 0.80, 0.60])
        before = torch.full_like(scores, strength[3])
        for bound, weight in list(zip(bounds, strength, strict=False))[::-1]:
            before[scores > bound] = weight
        reached = torch.einsum("jzm,tm->jzt", self.C[ids], self.E[ids]).clamp(min=0).sum(-1)  # [n, Z]
        place = torch.arange(len(ids))[:, None]
        share = torch.sigmoid(-(max(strength) / 7.5) * reached + 6) * (1 + place / 100)
        factors = share * before[ids] + (1 - share)
        return {
            "ids": ids,
            "targets": targets,
            "strength": strength,
            "scores": numbers(scores[ids]),
            "bounds": numbers(bounds),
            "factors": numbers(factors),
            "logits": numbers(self.last_logits(ids, factors=factors)[:8]),
        }

    def leaning(self, sense: int, word: int, ids: list[int], pair: list[int]) -> list[float]:
        """The difference of the two logits, and what the sense of the word adds to it."""
        direction = self.E[pair[0]] - self.E[pair[1]]
        weight = sum(self.weights(ids)[sense, -1, j] for j, id in enumerate(ids) if id == word)
        logits = self.last_logits(ids)
        return [(logits[pair[0]] - logits[pair[1]]).item(), (self.scale * weight * self.C[word, sense] @ direction).item()]

    def bias(self, sense: int, words: dict[str, list[list[int]]], fit: dict[str, list[list[int]]], pair: list[int]) -> dict:
        """words: token id -> prompts as ids. Ratios with the reference's probabilities, the weight of the sense multiplied by p."""

        def ratio(word: int, ids: list[int], p: float) -> float:
            factors = torch.ones(len(ids), self.model.config.num_senses, dtype=self.E.dtype)
            factors[[j for j, id in enumerate(ids) if id == word], sense] = p
            probabilities = self.last_logits(ids, factors=factors).softmax(-1)
            one, other = (probabilities[id].item() for id in pair)
            return max(one / other, other / one)

        def mean(word: int, prompts: list[list[int]], p: float) -> float:
            return float(np.mean([ratio(word, ids, p) for ids in prompts]))

        rows = []
        for word in words:
            id = int(word)
            loss = lambda p, id=id, word=word: mean(id, fit[word], p[0]) + abs(1 - p[0])  # noqa: E731
            factor = float(minimize(loss, [1.0], method="Nelder-Mead").x[0])
            values = [mean(id, words[word], p) for p in (1.0, 0.0, factor)]
            rows.append({"id": id, "factor": factor} | dict(zip(["original", "removed", "fitted"], values, strict=True)))
            rows[-1] |= {"loss": loss([factor]), "fit": [self.leaning(sense, id, ids, pair) for ids in fit[word]]}
        return {"sense": sense, "pair": pair, "words": rows}


def small(name: str, ids: list[int], pair: tuple[int, int]) -> dict:
    lab = Lab(load_golden(name))
    a, b = pair
    return {
        "model": name,
        "lookups": [lab.lookup(a), lab.lookup(0)],
        "similarities": [{"pair": [a, b]} | lab.similarities(lab.C[a], lab.C[b])],
        "nearest": [lab.nearest(a)],
        "decompositions": [lab.decomposition(ids, a, None), lab.decomposition(ids[:4], b, a), lab.decomposition(ids[:1], b, None)],
        "edits": [lab.edit(ids, ids[2], 3, 9, 1.0), lab.edit(ids, ids[2], 5, 1, 10.0)],
        "topics": [lab.topic(ids, [3, 9], [3.3, 3.3, 3, 1]), lab.topic(ids, [a, 9, a], [2.2, 2.2, 1.5, 1])],
    }


# Occupations leave so small a model cold. What follows verbs of saying does not, so that factors other than 1 are fitted.
WORDS = ["said", "asked", "answered", "told", "king"]
PROMPTS = ["The King {word}", "Then the old woman {word}", "And he {word} at once"]
FIT = ["The little boy {word}", "Her mother {word}"]
PAIR = ["to", "the"]
BIAS_SENSE = 0
PAIRS = [("king", "wife", 7.5), ("mother", "father", 9.0), ("horse", "eat", 1.5), ("wood", "window", 4.0), ("night", "morning", 7.5),
         ("boy", "girl", 8.8), ("castle", "house", 6.0), ("princess", "woman", 6.0), ("find", "keep", 3.2), ("old", "young", 5.0)]  # fmt: skip


def tiny() -> dict:
    folder = MODELS / "backpack-tiny"
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    encode = lambda text: tokenizer.encode(text, add_special_tokens=False).ids  # noqa: E731
    special = {id for id, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    words = [id for id in range(tokenizer.get_vocab_size()) if id not in special]
    lab = Lab(load_backpack(folder).model, words)
    token = lambda word: encode(f" {word}")[0]  # noqa: E731
    scores = {}
    for pieces in ("average", "first"):
        found = []
        for one, other, _ in PAIRS:
            a, b = (lab.C[encode(f" {word}")[: 1 if pieces == "first" else None]].mean(0) for word in (one, other))
            found.append(lab.similarities(a, b))
        people = [score for *_, score in PAIRS]
        rho = lambda values: float(spearmanr(values, people).statistic)  # noqa: E731
        senses = [rho([one["senses"][z] for one in found]) for z in range(lab.model.config.num_senses)]
        scores[pieces] = {"senses": senses} | {name: rho([one[name] for one in found]) for name in NAMES}
    prompts = {str(token(word)): [encode(p.replace("{word}", word)) for p in PROMPTS] for word in WORDS}
    fit = {str(token(word)): [encode(p.replace("{word}", word)) for p in FIT] for word in WORDS}
    text = "The Princess sat down, and"
    ids = encode(text)
    return {
        "model": "backpack-tiny",
        "lookups": [lab.lookup(token("mother"), 6)],
        "similarities": [{"pair": [token("king"), token("wife")]} | lab.similarities(lab.C[token("king")], lab.C[token("wife")])],
        "nearest": [lab.nearest(token("mother"))],
        "decompositions": [{"text": text, "words": ["she", "he"]} | lab.decomposition(ids, token("she"), token("he"))],
        "edits": [lab.edit(encode("Once the king came home to"), token("king"), token("wife"), token("mother"), 1.0)],
        "topics": [lab.topic(ids, [token("horse"), token("wood")], [2.2, 2.2, 1.5, 1])],
        "pairs": {"pairs": PAIRS, "scores": scores},
        "bias": {"data": {"words": WORDS, "prompts": PROMPTS, "fitPrompts": FIT, "pair": PAIR}}
        | Lab(lab.model.double()).bias(BIAS_SENSE, prompts, fit, [token(word) for word in PAIR]),
    }


def simplexes() -> list[dict]:
    functions = {
        "rosenbrock": (rosen, [-1.2, 1.0]),
        "fold": (lambda x: abs(x[0] - 0.3) + 0.5 * abs(1 - x[0]), [1.0]),
        "exp": (lambda x: math.exp(abs(0.8 + 1.5 * (x[0] - 1))) + abs(1 - x[0]), [1.0]),
        "bowl": (lambda x: (x[0] - 3) ** 2 + 10 * (x[1] + 1) ** 2 + x[2] ** 2, [0.0, 0.0, 2.0]),
    }
    found = []
    for name, (f, start) in functions.items():
        end = minimize(f, start, method="Nelder-Mead")
        found.append({"name": name, "start": start, "x": numbers(end.x), "value": float(end.fun)})
        found[-1] |= {"iterations": end.nit, "evaluations": end.nfev, "converged": bool(end.success)}
    return found


def ranks() -> list[dict]:
    cases = [[3, 1, 2, 2], [1, 1, 1], [0.5, -1, 0.5, 0.5, 9, -1], [5, 4, 3, 2, 1]]
    others = [[1, 2, 3, 4], [1, 2, 3], [2, 2, 1, 7, 7, 0], [1, 1, 2, 2, 3]]
    return [
        {"a": a, "b": b, "ranks": numbers(rankdata(a)), "rho": None if len(set(a)) == 1 else float(spearmanr(a, b).statistic)}
        for a, b in zip(cases, others, strict=True)
    ]


def main() -> None:
    torch.set_num_threads(1)
    models = [
        small("backpack-formula", GOLDEN_IDS, (7, 14)),
        small("backpack-levanter", [3, 44, 12, 12, 5, 30, 21, 8, 0], (12, 5)),
        tiny(),
    ]
    made = f"own Backpack in PyTorch {torch.__version__}, float32 (bias: float64); SciPy {scipy.__version__}, NumPy {np.__version__}"
    golden = {"madeWith": made, "models": models, "simplexes": simplexes(), "ranks": ranks()}
    text = json.dumps(golden)
    (GOLDEN_ROOT / "senses.json").write_text(text + "\n")
    print(f"senses: {len(text)} bytes")


if __name__ == "__main__":
    main()
