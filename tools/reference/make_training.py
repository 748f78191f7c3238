"""Makes tests/golden/training: `python make_training.py [--only PART_OF_A_NAME]`. See README.md for what is written and how."""

import argparse
import json
from functools import partial
from pathlib import Path

import golden_random as random
import torch
import transformers
from cases_llama import LLAMA, layer_shapes, outer_state
from cases_training import BASE, CASES, TrainingCase
from golden_files import GOLDEN_ROOT, fresh_folder, unshared, write_config, write_safetensors
from safetensors.torch import save_file
from torch import Tensor
from training_run import Trace, Variant, train
from transformers.utils import logging

TRAINING = GOLDEN_ROOT / "training"
MADE_WITH = f"PyTorch {torch.__version__} autograd in float64, transformers {transformers.__version__} (Backpack: our own)"
# The largest effect of float32's rounding that a golden may have, relative: otherwise the next seed is tried.
QUIET = {"loss": 3e-6, "gradNorm": 3e-4, "gradient": 2e-5}
NEGLIGIBLE = 1e-7  # of the norm of all gradients; a tensor below has no gradient but rounding
GAP = 1e-4  # least gap between the last chosen expert and the next
TIE = 2e-4  # least distance from a tie of roundings

BIASES = LLAMA | dict(
    hidden_size=20, num_attention_heads=4, num_key_value_heads=2, head_dim=6, intermediate_size=26, vocab_size=45,
    attention_bias=True, mlp_bias=True, rope_theta=10000.0, tie_word_embeddings=False,
)  # fmt: skip
del BIASES["is_bitnet_config"], BIASES["rope_interleaved"]
ONLINE = {"quant_method": "bitnet", "linear_class": "autobitlinear", "quantization_mode": "online"}
INNER_NORM = LLAMA | dict(
    hidden_size=24, num_attention_heads=4, num_key_value_heads=2, intermediate_size=36, vocab_size=41, rope_theta=10000.0,
    quantization_config=ONLINE | {"use_rms_norm": True, "rms_norm_eps": 1e-5},
)  # fmt: skip
del INNER_NORM["is_bitnet_config"], INNER_NORM["rope_interleaved"]


def write_biases(folder: Path) -> None:
    """No other golden has a Llama with biases."""
    torch.manual_seed(0)
    state = outer_state(BIASES)
    for i in range(BIASES["num_hidden_layers"]):
        for name, shape in layer_shapes(BIASES).items():
            state[f"model.layers.{i}.{name}.weight"] = random.matrix(*shape, gain=2.0)
            state[f"model.layers.{i}.{name}.bias"] = random.bias(shape[0])
    write_config(folder, BIASES)
    write_safetensors(folder, {name: tensor.bfloat16() for name, tensor in state.items()})


def write_inner_norm(folder: Path) -> None:
    """A norm before each ternary layer, by the names of transformers; the norms of the blocks have a gain of 1."""
    torch.manual_seed(1)
    state = outer_state(INNER_NORM)
    for name in state:
        if name.endswith("_layernorm.weight"):
            state[name] = torch.ones_like(state[name])
    for i in range(INNER_NORM["num_hidden_layers"]):
        for name, shape in layer_shapes(INNER_NORM).items():
            state[f"model.layers.{i}.{name}.weight"] = random.matrix(*shape, gain=2.0)
            state[f"model.layers.{i}.{name}.rms_norm.weight"] = random.norm(shape[1])
    write_config(folder, INNER_NORM)
    write_safetensors(folder, {name: tensor.bfloat16() for name, tensor in state.items()})


def rows_of(case: TrainingCase, seed: int, words: int) -> list[list[int]]:
    if case.rows:
        return case.rows
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(words, (length,), generator=generator).tolist() for length in case.lengths]


def largest(numbers: list[float], wanted: list[float]) -> float:
    return max(abs(a - b) / abs(b) for a, b in zip(numbers, wanted))


def distance(found: Tensor, wanted: Tensor) -> float:
    return ((found.double() - wanted).norm() / wanted.norm()).item()


def noise(exact: Trace, traces: list[Trace], negligible: list[str]) -> dict[str, float]:
    """How far float32, and weights disturbed by as much, lead away."""
    gradients = [
        distance(trace.gradients[name], wanted)
        for trace in traces
        for name, wanted in exact.gradients.items()
        if name not in negligible
    ]
    return {
        "loss": max(largest(trace.losses, exact.losses) for trace in traces),
        "gradNorm": max(largest(trace.norms, exact.norms) for trace in traces),
        "gradient": max(gradients),
    }


def make(case: TrainingCase) -> None:
    folder = GOLDEN_ROOT / case.model
    words = json.loads((folder / "config.json").read_text())["vocab_size"]
    for seed in range(200):
        config = BASE | {"data": {"ids": rows_of(case, seed, words)}} | case.config
        config = {key: value for key, value in config.items() if value is not None}
        run = partial(train, folder, config, gradients_of=case.gradients_of, own_rounding=case.own_rounding)
        exact = run(Variant())
        if exact.ties < TIE or exact.experts < GAP:
            continue
        traces = [run(Variant(torch.float32)), *(run(Variant(jitter=jitter)) for jitter in range(3))]
        negligible = [n for n, g in exact.gradients.items() if g.norm() < NEGLIGIBLE * exact.norms[0]]
        found = noise(exact, traces, negligible)
        if all(found[key] < most for key, most in QUIET.items()):
            break
    else:
        raise SystemExit(f"{case.name}: no seed is quiet ({found})")
    if case.published:
        assert largest(exact.losses, case.published) < 1e-6, (exact.losses, case.published)
    write(case, {"model": case.model} | config, exact, found, negligible)
    print(f"{case.name}: seed {seed}, {({k: float(f'{v:.2g}') for k, v in found.items()})}, losses {exact.losses[0]:.4f} {exact.losses[-1]:.4f}, norm {exact.norms[0]:.3f}, gap {exact.experts:.2g}, tie {exact.ties:.2g}", negligible)


def write(case: TrainingCase, config: dict, exact: Trace, found: dict[str, float], negligible: list[str]) -> None:
    notes = {
        "about": case.about,
        "config": config,
        "losses": exact.losses,
        "gradNorms": exact.norms,
        "learningRates": exact.rates,
        "gradientsOfStep": case.gradients_of if case.gradients else None,
        "withoutGradient": negligible,
        "noise": {key: float(f"{value:.2g}") for key, value in found.items()},
        "reference": MADE_WITH,
    }
    rows = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in notes.items() if value is not None]
    (TRAINING / f"{case.name}.json").write_text("{\n" + ",\n".join(rows) + "\n}\n")
    if case.gradients:
        path = TRAINING / f"{case.name}.gradients.safetensors"
        save_file(unshared({name: g.float() for name, g in exact.gradients.items()}), path)
        path.chmod(0o644)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only the cases whose name contains this")
    only: str = parser.parse_args().only
    torch.set_num_threads(1)
    torch.compiler.set_stance("force_eager")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    TRAINING.mkdir(exist_ok=True)
    if only in "llama-biases":
        write_biases(fresh_folder(TRAINING / "llama-biases"))
    if only in "llama-inner-norm":
        write_inner_norm(fresh_folder(TRAINING / "llama-inner-norm"))
    for case in CASES:
        if only in case.name:
            make(case)


if __name__ == "__main__":
    main()
