"""Makes tests/golden/peft: adapters written by Python's PEFT, what models compute with them, and the gradients of one batch.

`python make_adapters.py [--only PART_OF_A_NAME]`; needs peft.
"""

import argparse
import json
import warnings
from dataclasses import dataclass
from pathlib import Path

import peft
import torch
from backpack_reference import Backpack
from backpack_reference import Conv1D as OwnConv1D
from golden_files import GOLDEN_ROOT, fresh_folder, unshared
from peft import LoraConfig, PeftModel, get_peft_model
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F
from training_models import learner, precision
from transformers.pytorch_utils import Conv1D
from transformers.utils import logging

ROOT = GOLDEN_ROOT / "peft"
MADE_WITH = f"peft {peft.__version__}, PyTorch {torch.__version__} in float64"
ROWS = [[5, 30, 12, 12, 7, 33, 1, 40, 9], [2, 28], [39, 16, 21, 4]]  # all vocabularies have more words
BASE = "base_layer.weight"  # of a head, which stays as it is
IDS = [11, 3, 36, 27, 27, 0, 38, 14, 5, 6]


@dataclass
class AdapterCase:
    name: str
    model: str  # folder under tests/golden
    about: str
    lora: dict


EXPERTS = ["block_sparse_moe.experts.gate_up_proj", "block_sparse_moe.experts.down_proj"]
CASES = [
    AdapterCase(
        "llama",
        "llama-dense",
        "Rank 3, alpha 7; all maps that read the same input, and down_proj.",
        dict(r=3, lora_alpha=7, target_modules=["q_proj", "k_proj", "v_proj", "down_proj"]),
    ),
    AdapterCase(
        "llama-patterns",
        "training/llama-biases",
        "rslora, ranks and alphas by pattern, a regular expression of targets, the head trained as a whole.",
        dict(
            r=2, lora_alpha=5, use_rslora=True, target_modules=r".*\.layers\.\d+\.(self_attn\.(q|o)_proj|mlp\.(gate|up)_proj)",
            rank_pattern={"q_proj": 4, r"layers.1.mlp.up_proj": 3}, alpha_pattern={"o_proj": 9}, modules_to_save=["lm_head"],
        ),  # fmt: skip
    ),
    AdapterCase(
        "llama-head",
        "training/llama-biases",
        "The head among the targets: PEFT stores its own weight too.",
        dict(r=2, lora_alpha=6, target_modules=["v_proj", "lm_head"]),
    ),
    AdapterCase(
        "llama-layers",
        "llama-rope-llama3",
        "Only the second layer, all of its linear maps.",
        dict(
            r=2, lora_alpha=2, target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
            layers_to_transform=[1],
        ),  # fmt: skip
    ),
    AdapterCase(
        "mamba",
        "mamba-odd",
        "in_proj, which we split in two, and x_proj, in three. PEFT refuses out_proj and conv1d of a Mamba.",
        dict(r=3, lora_alpha=4, target_modules=["in_proj", "x_proj"]),
    ),
    AdapterCase(
        "granite-moe",
        "granite-moe-10",
        "Attention only, as most adapters of a mixture.",
        dict(r=2, lora_alpha=6, target_modules=["q_proj", "o_proj"]),
    ),
    AdapterCase(
        "granite-moe-experts",
        "granite-moe-v5-config",
        "target_parameters: the experts, with one pair of matrices for all of a layer's, and the router.",
        dict(
            r=2, lora_alpha=6, target_modules=["v_proj"],
            target_parameters=[*EXPERTS, "block_sparse_moe.router.weight"],
        ),  # fmt: skip
    ),
    AdapterCase(
        "backpack",
        "backpack-hub",
        "GPT-2's Conv1D, whose weights are stored transposed (fan_in_fan_out), and the map of the sense weights, whose weight is not.",
        dict(r=3, lora_alpha=6, target_modules=["c_attn", "c_fc"], fan_in_fan_out=True),
    ),
]


def with_published_layers(model: Backpack) -> None:
    """PEFT knows transformers' Conv1D, which the published code of Backpack uses."""
    for name, module in list(model.named_modules()):
        if isinstance(module, OwnConv1D):
            published = Conv1D(module.weight.shape[1], module.weight.shape[0])
            published.weight, published.bias = module.weight, module.bias
            model.set_submodule(name, published)


def base_model(folder: Path) -> nn.Module:
    model = learner(folder, torch.float64).model
    if isinstance(model, Backpack):
        with_published_layers(model)
    return model


def logits_of(model: nn.Module, ids: list[int]) -> Tensor:
    with precision(torch.float64):
        output = model(torch.tensor([ids]))
    return (output if isinstance(output, Tensor) else output.logits)[0]


def make(case: AdapterCase) -> None:
    folder = fresh_folder(ROOT / case.name)
    base = GOLDEN_ROOT / case.model
    torch.manual_seed(7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with torch.no_grad():
            plain = logits_of(base_model(base), IDS)
        config = LoraConfig(init_lora_weights=False, task_type=None, **case.lora)
        model = get_peft_model(base_model(base), config, autocast_adapter_dtype=False).to(torch.float64).eval()
        trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
        with torch.no_grad():
            for name, p in trained.items():  # numbers that float32 holds; not the initial ones, with which nothing would change
                p.copy_((0.3 * torch.randn(p.shape) if "lora_" in name else p * (1 + 0.2 * torch.randn(p.shape))).float())
        model.save_pretrained(folder)
        with torch.no_grad():
            logits = logits_of(model, IDS)
        entropies = [F.cross_entropy(logits_of(model, row[:-1]), torch.tensor(row[1:]), reduction="sum") for row in ROWS]
        loss = sum(entropies) / sum(len(row) - 1 for row in ROWS)
        loss.backward()
        gradients = gradients_by_file_name(model, trained)
        check_reload(folder, base, logits)
        merged = model.merge_and_unload()
        with torch.no_grad():
            assert (logits_of(merged, IDS) - logits).abs().max() < 1e-9, "merging changes the result"
    stored = tidy(folder, case)
    learned = {name for name in stored if not name.endswith(BASE)}
    assert gradients.keys() == learned, gradients.keys() ^ learned
    assert (plain - logits).abs().max() > 0.05 * plain.abs().max(), "the adapter changes too little"
    tensors = {"plainLogits": plain, "logits": logits} | {f"gradient:{name}": g for name, g in gradients.items()}
    save_file(unshared({name: tensor.float() for name, tensor in tensors.items()}), folder / "golden.safetensors")
    notes = {"about": case.about, "model": case.model, "ids": IDS, "rows": ROWS, "loss": loss.item(), "reference": MADE_WITH}
    rows = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in notes.items()]
    (folder / "golden.json").write_text("{\n" + ",\n".join(rows) + "\n}\n")
    for file in folder.iterdir():
        file.chmod(0o644)
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{case.name}: {len(stored)} tensors, {size / 1000:.0f} kB, loss {loss.item():.4f}")


def gradients_by_file_name(model: PeftModel, trained: dict[str, nn.Parameter]) -> dict[str, Tensor]:
    """Under the names that the adapter's file has: the state dict of PEFT, with gradients in the place of weights."""
    state = {name: p.detach() for name, p in model.state_dict().items()}
    state |= {name: p.grad if p.grad is not None else torch.zeros_like(p) for name, p in trained.items()}
    found = get_peft_model_state_dict(model, state_dict=state)
    return {name: tensor for name, tensor in found.items() if not name.endswith(BASE)}


def check_reload(folder: Path, base: Path, logits: Tensor) -> None:
    """What was saved is read again by PEFT."""
    again = PeftModel.from_pretrained(base_model(base), folder, autocast_adapter_dtype=False).to(torch.float64).eval()
    with torch.no_grad():
        assert (logits_of(again, IDS) - logits).abs().max() < 1e-9, "the saved adapter is another one"


def tidy(folder: Path, case: AdapterCase) -> dict[str, Tensor]:
    """Leaves what a user publishes, without paths of the machine; tensors in float32."""
    (folder / "README.md").unlink()
    file = folder / "adapter_config.json"
    config = json.loads(file.read_text())
    config["base_model_name_or_path"] = case.model
    if isinstance(config["target_modules"], list):
        config["target_modules"].sort()  # PEFT writes a set
    file.write_text(json.dumps(config, indent=2) + "\n")
    adapter = folder / "adapter_model.safetensors"
    stored = {name: tensor.float() for name, tensor in load_file(adapter).items()}
    save_file(stored, adapter, {"format": "pt"})
    return stored


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only the cases whose name contains this")
    only: str = parser.parse_args().only
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    ROOT.mkdir(exist_ok=True)
    for case in CASES:
        if only in case.name:
            make(case)


if __name__ == "__main__":
    main()
