/** The Python program of an exported plan that OpenLM can follow: makes what OpenLM reads, and calls it (openlm.ts). */
export const OPENLM_SCRIPT = `"""Trains as plan.json says with OpenLM (github.com/mlfoundations/open_lm), whose Mamba is that of mamba-ssm 2.

    python openlm.py prepare                             once: shards of rows, the checkpoint and the arguments, in openlm/
    torchrun --nproc-per-node 8 openlm.py train          or, on one device: python openlm.py train

openlm/arguments.json may be changed in between, such as "workers", "fsdp", "name" and "logs".
"""
import gzip
import io
import json
import sys
import tarfile
from pathlib import Path

import numpy as np

here = Path(__file__).resolve().parent
made = here / "openlm"
plan = json.loads((here / "plan.json").read_text())
run = plan["openlm"]
FLOATS = ("lr", "beta1", "beta2", "eps", "wd", "lr_cooldown_end", "z_loss_coefficient")  # OpenLM refuses whole numbers there


def write_shards():
    """Tar files of gzipped JSON lists of ids, and a manifest. Where a target does not count there is -1, the last id of the vocabulary."""
    part = plan["stages"][0]["data"]
    read = lambda name: np.memmap(here / name, dtype="<i4", mode="r", shape=(part["rows"], part["width"]))
    ids, labels = read(part["ids"]), read(part["labels"])
    starts = range(0, part["rows"], run["rowsPerShard"])
    places = list(range(len(starts)))  # OpenLM shuffles the lines so, and the shards are then in order
    np.random.default_rng(run["arguments"]["seed"]).shuffle(places)
    lines = [""] * len(starts)
    for number, first in enumerate(starts):
        last = min(first + run["rowsPerShard"], part["rows"])
        with tarfile.open(made / f"{number:08d}.tar", "w") as tar:
            for row in range(first, last):
                chunk = np.where(labels[row] < 0, -1, ids[row])
                data = gzip.compress(json.dumps(chunk.tolist()).encode(), mtime=0)
                member = tarfile.TarInfo(f"{row:012d}.json.gz")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        lines[places[number]] = json.dumps({"shard": f"{number:08d}", "num_sequences": last - first})
    (made / "manifest.jsonl").write_text("".join(line + "\\n" for line in lines))


def write_checkpoint():
    """Tensors under the names of OpenLM's checkpoints: model., and the names of mamba-ssm."""
    import torch
    from safetensors.torch import load_file

    state = {}
    for file in sorted(here.glob("*.safetensors")):
        state.update(load_file(file))
    for file in sorted(here.glob("pytorch_model*.bin")):
        state.update(torch.load(file, map_location="cpu", weights_only=True))
    renamed = {}
    for name, tensor in state.items():
        for prefix in ("model.", "backbone."):
            name = name.removeprefix(prefix)
        name = name.replace("embeddings.", "embedding.")
        renamed["model." + (name if name.startswith("lm_head.") else "backbone." + name)] = tensor.float()
    if run["model"]["tie_embeddings"]:
        renamed["model.lm_head.weight"] = renamed["model.backbone.embedding.weight"]
    torch.save({"epoch": 0, "step": 0, "state_dict": renamed}, made / "initial.pt")


def prepare():
    made.mkdir(exist_ok=True)
    write_shards()
    write_checkpoint()
    sizes = {key: run["model"][key] for key in ("d_model", "n_layer", "vocab_size")}
    width = plan["stages"][0]["data"]["width"]
    (made / "mamba.json").write_text(json.dumps({**sizes, "seq_len": width - 1}))  # OpenLM tells a Mamba by this name
    arguments = {key: float(value) if key in FLOATS else value for key, value in run["arguments"].items()}
    arguments |= {"model": str(made / "mamba.json"), "dataset_manifest": [str(made / "manifest.jsonl")], "pretrained": str(made / "initial.pt")}
    (made / "arguments.json").write_text(json.dumps(arguments, indent=2))
    print(f"wrote {made}; go on with: torchrun --nproc-per-node N openlm.py train")


def train():
    import open_lm.model
    from mamba_ssm.models.config_mamba import MambaConfig
    from mamba_ssm.models.mixer_seq_simple import MambaLMHeadModel
    from open_lm.main import main

    # OpenLM passes width, depth and vocabulary, as mamba-ssm 1 took them; its norms would be layer norms.
    open_lm.model.MambaLMHeadModel = lambda **_: MambaLMHeadModel(MambaConfig(**run["model"]))
    main(["--config", str(made / "arguments.json")])


if __name__ == "__main__":
    commands = {"prepare": prepare, "train": train}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        raise SystemExit(__doc__)
    commands[sys.argv[1]]()
`;
