"""Measures PyTorch on the CPU, eager, f32. Argument: the task, as JSON. Prints seconds of each part as JSON, or what is missing."""

import json
import resource
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "tools" / "reference"))

task = json.loads(sys.argv[1])
try:
    import torch
    import transformers
    from safetensors.torch import load_file
    from torch import Tensor, nn
    from torch.nn import functional as F
    from transformers import AutoConfig, AutoModelForCausalLM

    if task.get("lora"):
        import peft
except ImportError as error:
    print(json.dumps({"missing": f"{error}: install it for {sys.executable}, or name another one with --python."}))
    sys.exit()

STORED = "model.safetensors"
BACKPACKS = ("gpt2", "backpack-gpt2")
WARM_UP = 2  # rounds that are not counted
torch.set_num_threads(task["threads"])
torch.manual_seed(1)
version = f"PyTorch {torch.__version__}, transformers {transformers.__version__}, Python {sys.version.split()[0]}"


def model_of(folder: Path, config: dict) -> nn.Module:
    """The checkpoint in f32; ids [B, T] -> logits [B, T, V] through `logits_of`. A weight that is not found there is an error."""
    if config["model_type"] in BACKPACKS:
        from backpack_reference import Backpack, BackpackConfig

        model = Backpack(BackpackConfig.from_json(json.dumps(config)))
        stored = torch.load(folder / "pytorch_model.bin") if not (folder / STORED).exists() else load_file(folder / STORED)
        model.load_state_dict({name: stored[name].float() for name in model.state_dict()})
        return model
    own = {key: value for key, value in config.items() if key not in ("quantization_config", "torch_dtype")}
    usual = AutoConfig.for_model(own["model_type"])
    for key, value in own.items():  # JavaScript writes 1.0 as 1
        if isinstance(getattr(usual, key, None), float) and isinstance(value, int):
            own[key] = float(value)
    options = dict(dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    model, info = AutoModelForCausalLM.from_pretrained(folder, config=AutoConfig.for_model(**own), **options)
    if info["missing_keys"] or info["mismatched_keys"]:
        raise ValueError(f"transformers misses {info['missing_keys']} {info['mismatched_keys']}")
    return model


def logits_of(model: nn.Module, ids: Tensor) -> Tensor:
    if task["config"]["model_type"] in BACKPACKS:
        return model(ids)
    return model(ids, use_cache=False).logits


model = model_of(Path(task["folder"]), task["config"]).train()
if task.get("ternary"):
    from lambda_linear import make_ternary, set_strength

    make_ternary(model)
    set_strength(model, 1.0)
if lora := task.get("lora"):
    names = [name.rsplit(".", 1)[-1] for name in lora["targets"]]
    version += f", peft {peft.__version__}"
    model = peft.get_peft_model(
        model, peft.LoraConfig(r=lora["rank"], lora_alpha=lora["alpha"], target_modules=names, task_type="CAUSAL_LM")
    )

rows = torch.tensor(task["ids"])
ids, targets = rows[:, :-1], rows[:, 1:]
trained = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=1e-4, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)


def loss_of() -> Tensor:
    return F.cross_entropy(logits_of(model, ids).flatten(0, 1), targets.flatten())


def forward() -> float:
    with torch.no_grad():
        return loss_of().item()


def gradients() -> float:
    optimizer.zero_grad()
    loss = loss_of()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    return loss.item()


def update() -> None:
    optimizer.step()


parts = {"forward": forward, "gradients": gradients, "update": update}
seconds: dict[str, list[float]] = {part: [] for part in parts}
first_loss = None
for repeat in range(-WARM_UP, task["repeats"]):
    for name, part in parts.items():
        begin = time.perf_counter()
        loss = part()
        first_loss = loss if first_loss is None else first_loss
        if repeat >= 0:
            seconds[name].append(time.perf_counter() - begin)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({**seconds, "firstLoss": first_loss, "peakBytes": peak, "version": version, "threads": task["threads"]}))
