"""Makes tests/golden/training/schedules.json: learning rates of transformers' schedules, and of published formulas."""

import json
import math
from collections.abc import Callable

import torch
import transformers
from golden_files import GOLDEN_ROOT
from transformers import optimization

FILE = GOLDEN_ROOT / "training" / "schedules.json"
HF = f"transformers {transformers.__version__}, optimization.py: "
OPEN_LM = "mlfoundations/open_lm, scheduler.py: "
GRANITE = "Granite 3.0 Language Models (IBM 2024), equation 9"


def of_transformers(name: str, lr: float, steps: list[int], **options: object) -> list[float]:
    """The rates with which the optimiser makes these steps."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler = getattr(optimization, name)(optimizer, **options)
    rates = []
    for _ in range(max(steps) + 1):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return [rates[step] for step in steps]


def case(source: str, lr: float, total: int, schedule: dict, rates: dict[int, float], **more: object) -> dict:
    return {
        **{"source": source, "lr": lr, "steps": total, "schedule": schedule, **more},
        "rates": [[step, rate] for step, rate in rates.items()],
    }


def hf_case(name: str, lr: float, total: int, schedule: dict, first: int = 0, **options: object) -> dict:
    at = sorted({0, 1, total // 10, total // 10 + 1, total // 3, total // 2, total - 2, total - 1})
    at = [step for step in at if step >= first]
    rates = dict(zip(at, of_transformers(name, lr, at, **options)))
    return case(HF + name, lr, total, schedule | {"warmupOffset": 0}, rates)


def of_formula(source: str, lr: float, total: int, schedule: dict, at: list[int], formula: Callable, **more: object) -> dict:
    warmup = schedule.get("warmup", 0)
    rates = {step: lr * (step + 1) / warmup if step < warmup else formula(step) for step in at}
    return case(source, lr, total, schedule, rates, **more)


def cosine(lr: float, floor: float, warmup: int, total: int) -> Callable[[int], float]:
    return lambda step: floor + 0.5 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup))) * (lr - floor)


def cooldown(lr: float, floor: float, first: int, length: int, power: float) -> Callable[[int], float]:
    def rate(step: int) -> float:
        return lr if step < first else (1 - (step - first) / length) ** power * (lr - floor) + floor

    return rate


def check_mamba(made: dict) -> None:
    """The rates of TRI-ML/mamba-7b-rw, as its specification states them."""
    want = [1.5e-7, 1.5e-4, 3e-4, 3e-4, 2.793722848e-4, 1.557992852e-4, 2.132335300e-5, 1e-5]
    for (_, rate), wanted in zip(made["rates"], want):
        assert abs(rate - wanted) < 1e-9 * wanted + 1e-14, (rate, wanted)


def power_case() -> dict:
    """Rates at 1e9 ... 1e13 tokens, beta = 1024 sequences of 4096 tokens; below 2.6e10 tokens the peak of 0.02."""
    steps = [round(tokens / (1024 * 4096)) for tokens in (1e9, 1e10, 2.6e10, 1e11, 1e12, 1e13)]
    rates = {step: min(0.02, 1024 * 4 * (step * 1024 * 4096) ** -0.51) for step in steps}
    for rate, wanted in zip(rates.values(), (0.02, 0.02, 0.02, 0.01005, 0.003107, 0.000960)):
        assert abs(rate - wanted) < 1e-3 * wanted, (rate, wanted)
    schedule = {"name": "power", "a": 4, "b": -0.51, "warmup": 0}
    return case(GRANITE, 0.02, 3_000_000, schedule, rates, sequencesPerStep=1024, tokensPerStep=1024 * 4096)


def lambdas() -> list[dict]:
    """Published values of the strength of quantisation, T = 1000 (huggingface.co/blog/1_58_llm_extreme_quantization)."""
    formulas = {
        "linear": lambda share, k: share,
        "exponential": lambda share, k: 1 - (1 - share) ** k,
        "sigmoid": lambda share, k: 1 / (1 + math.exp(-k * (share - 0.5))),
    }
    asked = [("linear", None, [0, 250, 999, 1000, 4000])]
    asked += [("exponential", k, [0, 100, 500, 1000]) for k in (4, 6, 8, 10)]
    asked += [("sigmoid", k, [0, 450, 500, 550, 999, 1000]) for k in (15, 100)]
    made = []
    for name, k, steps in asked:
        values = [[step, formulas[name](step / 1000, k) if step < 1000 else 1.0] for step in steps]
        made.append({"schedule": {"name": name, "steps": 1000} | ({"k": k} if k else {}), "values": values})
    flat = {(m["schedule"]["name"], m["schedule"].get("k"), step): value for m in made for step, value in m["values"]}
    known = {("exponential", 4, 100): 0.3439, ("exponential", 10, 500): 0.9990234, ("sigmoid", 100, 450): 0.0066929}
    known |= {("sigmoid", 100, 550): 0.9933071, ("sigmoid", 15, 0): 0.0005528, ("exponential", 6, 100): 0.468559}
    assert all(abs(flat[key] - value) < 5e-8 for key, value in known.items())
    return made


def main() -> None:
    warm = dict(num_warmup_steps=10, num_training_steps=100)
    mamba = of_formula(
        OPEN_LM + "cosine_lr",
        3e-4,
        572205,
        {"name": "cosine", "warmup": 2000, "floor": 1e-5},
        [0, 999, 1999, 2000, 100000, 286102, 500000, 572204],
        cosine(3e-4, 1e-5, 2000, 572205),
    )
    check_mamba(mamba)
    cases = [
        hf_case("get_constant_schedule_with_warmup", 1e-3, 100, {"name": "constant", "warmup": 10}, num_warmup_steps=10),
        hf_case("get_linear_schedule_with_warmup", 6e-4, 100, {"name": "linear", "warmup": 10}, **warm),
        hf_case("get_cosine_schedule_with_warmup", 6e-4, 100, {"name": "cosine", "warmup": 10}, **warm),
        hf_case(
            "get_cosine_with_min_lr_schedule_with_warmup",
            2e-3,
            100,
            {"name": "cosine", "warmup": 10, "floor": 3e-4},
            **warm,
            min_lr=3e-4,
        ),
        hf_case(
            "get_wsd_schedule",
            1e-3,
            100,
            {"name": "cooldown", "warmup": 10, "cooldown": 40, "floor": 1e-4},
            first=10,  # its warm-up begins at the floor
            num_warmup_steps=10,
            num_decay_steps=40,
            num_stable_steps=50,
            decay_type="linear",
            min_lr_ratio=0.1,
        ),
        hf_case(
            "get_polynomial_decay_schedule_with_warmup",
            1e-3,
            100,
            {"name": "cooldown", "warmup": 10, "cooldown": 90, "floor": 1e-5, "power": 2.0},
            **warm,
            lr_end=1e-5,
            power=2.0,
        ),
        mamba,
        of_formula(
            OPEN_LM + "const_lr_cooldown",
            3e-4,
            1000,
            {"name": "cooldown", "warmup": 20, "cooldown": 300, "floor": 1e-5, "power": 1.5},
            [0, 19, 20, 699, 700, 701, 850, 998, 999],
            cooldown(3e-4, 1e-5, 700, 300, 1.5),
        ),
        power_case(),
    ]
    parts = []
    for key, rows in (("learningRates", cases), ("lambdas", lambdas())):
        parts.append(f'  "{key}": [\n' + ",\n".join("    " + json.dumps(row) for row in rows) + "\n  ]")
    FILE.write_text("{\n" + ",\n".join(parts) + "\n}\n")
    print(f"{len(cases)} schedules")


if __name__ == "__main__":
    main()
