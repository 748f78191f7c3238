"""
Makes tests/fixtures/evaluation/models: random checkpoints with tokenizers, of families for which transformers has no code of its own or none that
computes as ours does. make_answers.py asks them.
"""

import json
import shutil
from pathlib import Path

import torch
from backpack_reference import Backpack, BackpackConfig, published_state_dict
from cases_backpack import random_state
from cases_llama import LLAMA, ternary_state
from golden_files import write_config, write_safetensors

FIXTURES = Path(__file__).parents[2] / "tests" / "fixtures"
OUT = FIXTURES / "evaluation" / "models"

BACKPACK = {
    "architectures": ["BackpackGPT2LMHeadModel"],
    "model_type": "gpt2",
    "activation_function": "gelu_new",
    "vocab_size": 488,
    "n_positions": 96,
    "n_embd": 24,
    "n_layer": 2,
    "n_head": 3,
    "num_senses": 4,
    "sense_intermediate_scale": 4,
    "layer_norm_epsilon": 1e-05,
    "scale_attn_by_inverse_layer_idx": True,
    "bos_token_id": 479,
    "eos_token_id": 479,
}
TERNARY = LLAMA | {
    "vocab_size": 480,
    "max_position_embeddings": 96,
    "bos_token_id": 478,
    "eos_token_id": 479,
    "quantization_config": {"modules_to_not_convert": None, "quant_method": "bitnet"},
}


def write(name: str, config: dict, state: dict, tokenizer: str, begin: str, end: str) -> None:
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_config(folder, config)
    write_safetensors(folder, state)
    stored = json.loads((FIXTURES / "tokenizer" / f"{tokenizer}.json").read_text(encoding="utf-8"))["tokenizer"]
    (folder / "tokenizer.json").write_text(json.dumps(stored, ensure_ascii=False) + "\n", encoding="utf-8")
    about = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": begin, "eos_token": end, "clean_up_tokenization_spaces": False}
    (folder / "tokenizer_config.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    torch.manual_seed(4)
    model = Backpack(BackpackConfig.from_json(json.dumps(BACKPACK)))
    model.load_state_dict(random_state(model))
    state = {name: tensor.bfloat16() for name, tensor in published_state_dict(model, aliases=False).items()}
    write("backpack", BACKPACK, state, "gpt2", "<|endoftext|>", "<|endoftext|>")
    ternary = ternary_state(TERNARY, "divide", torch.bfloat16, (1,))
    write("ternary", TERNARY, ternary, "llama3", "<|begin_of_text|>", "<|end_of_text|>")


if __name__ == "__main__":
    main()
