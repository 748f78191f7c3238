"""Writes tests/fixtures/rope.json: rotary configurations in all spellings, and the frequencies that transformers makes of them.

    python make_rope_vectors.py
"""

import json
import random
import tempfile
from pathlib import Path

import torch
from transformers import AutoConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding
from transformers.utils import logging

OUT = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "rope.json"
COUNT = 60
RARER = 16
THETAS = [1e4, 5e5, 1.5e6, 12345.678]


def parameters(r: random.Random) -> dict:
    kind = r.choice(["default", "linear", "dynamic", "llama3", "llama3", "yarn", "yarn"])
    rope = {"rope_theta": r.choice(THETAS), "rope_type": kind}
    if kind != "default":
        rope["factor"] = r.choice([2.0, 8, 32.0, 1.0, 0.7, round(r.uniform(1, 40), 3)])
    if kind in ("llama3", "yarn") and r.random() < 0.8:
        rope["original_max_position_embeddings"] = r.choice([16, 64, 2048, 8192])
    if kind == "llama3":
        rope |= {"low_freq_factor": r.choice([1.0, 0.75]), "high_freq_factor": r.choice([4, 6.5])}
    if kind == "yarn":
        some = {"attention_factor": 1.25, "beta_fast": 24.5, "beta_slow": 0.5, "mscale": 0.707, "mscale_all_dim": 1.0}
        rope |= {key: value for key, value in some.items() if r.random() < 0.35}
        rope |= {"truncate": False} if r.random() < 0.3 else {}
        if "original_max_position_embeddings" in rope and r.random() < 0.2:
            rope["factor"] = None
    return rope


def rarer_parameters(r: random.Random, width: int) -> dict:
    kind = r.choice(["longrope", "longrope", "proportional", "default"])
    rope = {"rope_theta": r.choice(THETAS), "rope_type": kind}
    if kind == "longrope":
        some = {"factor": 4.0, "attention_factor": 1.25, "original_max_position_embeddings": r.choice([16, 2048])}
        rope |= {key: value for key, value in some.items() if r.random() < 0.6}
        for key in ("short_factor", "long_factor"):
            rope[key] = [round(r.uniform(1, 30), 4) for _ in range(width // 2)]
    else:
        rope["partial_rotary_factor"] = r.choice([0.25, 0.5, 0.75])
        rope |= {"factor": 2.5} if kind == "proportional" and r.random() < 0.5 else {}
    return rope


def spelled(r: random.Random, rope: dict) -> dict:
    style = r.choice(["rope_parameters", "rope_type", "type", "both"])
    if style == "rope_parameters":
        return {"rope_parameters": rope}
    theta = rope.pop("rope_theta")
    if style != "rope_type":
        rope["type"] = rope["rope_type"] if style == "both" else rope.pop("rope_type")
    return {"rope_theta": theta, "rope_scaling": rope}


def vector(r: random.Random, rarer: bool = False) -> dict:
    width, heads = r.choice([4, 6, 16, 64]), 2
    config = {"model_type": "llama", "hidden_size": heads * width, "num_attention_heads": heads}
    config["max_position_embeddings"] = longest = r.choice([32, 2048, 131072])
    config |= spelled(r, rarer_parameters(r, width) if rarer else parameters(r))
    if r.random() < 0.1:
        config["original_max_position_embeddings"] = 100
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config))
        rotary = LlamaRotaryEmbedding(AutoConfig.from_pretrained(folder))
    out = {"config": config, "width": width, "scale": float(rotary.attention_scaling), "at": {"0": rotary.inv_freq.tolist()}}
    if rotary.rope_type == "dynamic":
        for position in (longest - 1, longest, 2 * longest + 3):
            rotary(torch.zeros(1), torch.tensor([[position]]))
            out["at"][str(position)] = rotary.inv_freq.tolist()
    return out


if __name__ == "__main__":
    logging.set_verbosity_error()
    r = random.Random(0)
    rows = [json.dumps(vector(r)) for _ in range(COUNT)]
    rows += [json.dumps(vector(r, rarer=True)) for _ in range(RARER)]
    OUT.write_text("[\n" + ",\n".join(rows) + "\n]\n")
