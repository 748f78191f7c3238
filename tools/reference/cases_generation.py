"""What transformers' `generate` makes of generation_config.json, with a shipped model: tests/golden/generation.json."""

import json
import shutil
import tempfile
from pathlib import Path

import torch
import transformers
from cases_tiny import MODELS
from golden_files import GOLDEN_ROOT
from transformers import AutoModelForCausalLM, AutoTokenizer

MODEL = "granite-tiny"
PROMPT = "Once there was a king who"
ENDS = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}

# About, generation_config.json (None: there is none), keys added to config.json, options of the call.
CASES: list[tuple[str, dict | None, dict, dict]] = [
    ("nothing but special tokens", ENDS, {}, {}),
    ("a penalty and suppressed tokens", ENDS | {"repetition_penalty": 1.3, "suppress_tokens": [328]}, {}, {}),
    ("the same in config.json", None, {"repetition_penalty": 1.3, "suppress_tokens": [328]}, {}),
    ("config.json beside a generation_config.json", ENDS, {"repetition_penalty": 1.3, "suppress_tokens": [328]}, {}),
    ("an option against the file", ENDS | {"repetition_penalty": 1.3}, {}, {"repetition_penalty": 1.0}),
    ("null is absent", ENDS | {"repetition_penalty": None, "max_length": None}, {}, {}),
    ("temperature without do_sample", ENDS | {"do_sample": False, "temperature": 5.0, "top_k": 3, "top_p": 0.5}, {}, {}),
    ("sampling from one token", ENDS | {"do_sample": True, "temperature": 0.9, "top_k": 1}, {}, {}),
    ("sampling from a tiny share", ENDS | {"do_sample": True, "top_p": 0.001}, {}, {}),
    ("do_sample by option, top-k by file", ENDS | {"top_k": 1}, {}, {"do_sample": True}),
    ("no pair twice", ENDS | {"no_repeat_ngram_size": 2}, {}, {"max_new_tokens": 30}),
    ("bad words", ENDS | {"bad_words_ids": [[547], [259, 273], [0]]}, {}, {}),
    ("biases", ENDS | {"sequence_bias": [[[344], -20.0], [[259, 273], 3.0]]}, {}, {}),
    ("suppressed at the beginning", ENDS | {"begin_suppress_tokens": [344, 271]}, {}, {}),
    ("ends", {"eos_token_id": [273, 900]}, {}, {}),
    ("ends of config.json do not count beside others", ENDS, {"eos_token_id": 547}, {}),
    ("not before so many", {"eos_token_id": [344, 259], "min_new_tokens": 4}, {}, {}),
    ("not before so long", {"eos_token_id": [344, 259], "min_length": 11}, {}, {}),
    ("a number of new tokens", ENDS | {"max_new_tokens": 5, "max_length": 300}, {}, {"max_new_tokens": None}),
    ("a length", ENDS | {"max_length": 14}, {}, {"max_new_tokens": None}),
    ("a length in config.json", None, {"max_length": 10}, {"max_new_tokens": None}),
    ("an end that is forced", ENDS | {"forced_eos_token_id": 7}, {}, {}),
    ("an end that becomes likelier", ENDS | {"exponential_decay_length_penalty": [2, 3.0]}, {}, {}),
    ("ids of the prompt become likelier", ENDS | {"encoder_repetition_penalty": 1.5}, {}, {}),
    ("no pair of the prompt", ENDS | {"encoder_no_repeat_ngram_size": 2}, {}, {"max_new_tokens": 30}),
    (
        "all together",
        {
            **{"eos_token_id": [273, 344], "repetition_penalty": 1.2, "no_repeat_ngram_size": 3, "min_new_tokens": 3},
            **{"suppress_tokens": [547, 12], "begin_suppress_tokens": [271], "bad_words_ids": [[270, 259]]},
        },
        {},
        {"max_new_tokens": 30},
    ),
]


def made(generation: dict | None, config: dict, options: dict) -> list[int]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / MODEL
        shutil.copytree(MODELS / MODEL, folder)
        (folder / "generation_config.json").unlink()
        if generation is not None:
            (folder / "generation_config.json").write_text(json.dumps(generation))
        stored = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(stored | config))
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        ids = AutoTokenizer.from_pretrained(folder)(PROMPT, return_tensors="pt").input_ids
        chosen = {"max_new_tokens": 12} | options
        text = model.generate(ids, **{key: value for key, value in chosen.items() if value is not None})
        return text[0, ids.shape[1] :].tolist()


def make_generation() -> None:
    rows = []
    for about, generation, config, options in CASES:
        case = {"about": about, "generationConfig": generation, "config": config}
        case |= {"options": {"max_new_tokens": 12} | options, "ids": made(generation, config, options)}
        rows.append("    " + json.dumps(case))
    reference = f"generate() of transformers {transformers.__version__}, float32"
    head = f'"reference": {json.dumps(reference)},\n  "model": "{MODEL}",\n  "prompt": "{PROMPT}"'
    body = ",\n".join(rows)
    text = f'{{\n  {head},\n  "cases": [\n{body}\n  ]\n}}\n'
    (GOLDEN_ROOT / "generation.json").write_text(text)
    print(f"generation: {len(rows)} cases")
