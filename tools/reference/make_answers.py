"""
Answers of lm-evaluation-harness to requests that are hard to divide into tokens: tests/golden/evaluation/answers.json.
Wants lm_eval 0.4.13 with torch and transformers: python tools/reference/make_answers.py
"""

import json
import random
from pathlib import Path

import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

ROOT = Path(__file__).resolve().parents[2]
MODELS = ["granite-tiny", "mamba-tiny"]

PAIRS = [
    ("The cat sat on", " the mat."),
    ("The cat sat on ", "the mat."),
    ("The cat sat on  \n", "the mat."),
    ("The cat sat on\u00a0\u3000", "the mat."),
    ("The cat sat on\ufeff", " the mat."),
    ("The cat sat on\x1c\x85", " the mat."),
    ("The cat sat on the m", "at."),
    ("", "The cat sat."),
    ("", " The cat sat."),
    ("", "<|endoftext|>The cat"),
    ("", "<|end_of_text|>The cat"),
    ("<|endoftext|>Once", " upon a time"),
    ("<|end_of_text|>Once", " upon a time"),
    ("Once<|endoftext|>", " upon a time"),
    ("Question: caf", "é 😀 naïve"),
    ("Answer:", " A"),
    ("Answer:", " B"),
    ("Answer:", " C and so on"),
    ("one two three " * 300, "four five"),
    ("one", " two three" * 120),
]

ROLLING = ["", "A", "The cat sat on the mat.\n\nThen it went home.", "<|endoftext|>Once upon", "a long text of many words, " * 400]

GENERATE = [
    ("Once upon a time", {"until": ["."], "max_gen_toks": 20}),
    ("Once upon a time", {"until": [], "max_gen_toks": 8}),
    ("Once upon a time", {"until": ["\n\n", " the"], "max_gen_toks": 40}),
    ("Once upon a time", {"until": [""], "max_gen_toks": 8}),
    ("one two three " * 300, {"until": ["."], "max_gen_toks": 16}),
]


def mixed(count):
    words = ["The cat", " sat", " on", " ", "\n", "é", "  the", " mat.", "\t", "Q:", " 42", "…"]
    draw = random.Random(7)
    text = lambda most: "".join(draw.choice(words) for _ in range(draw.randint(1, most)))
    return [(text(12), text(4)) for _ in range(count)]


def answers(lm, kind, arguments):
    function = {"loglikelihood": lm.loglikelihood, "rolling": lm.loglikelihood_rolling, "generate": lm.generate_until}[kind]
    found = []
    for one in arguments:
        try:
            instance = Instance(request_type=kind, doc={}, arguments=one, idx=0)
            found.append(function([instance], disable_tqdm=True)[0])
        except (AssertionError, IndexError, ValueError, RuntimeError) as error:
            found.append(f"{type(error).__name__}: {error}")
    return found


def main():
    torch.set_num_threads(1)
    out = {}
    for name in MODELS:
        entry = []
        for dtype in ["float32", "bfloat16"]:
            lm = HFLM(str(ROOT / "models" / name), dtype="float32", device="cpu", softmax_dtype=dtype)
            pairs = PAIRS + mixed(24)
            for (context, continuation), answer in zip(pairs, answers(lm, "loglikelihood", pairs)):
                entry.append({"softmax": dtype, "context": context, "continuation": continuation, "answer": answer})
            for text, answer in zip(ROLLING, answers(lm, "rolling", [(text,) for text in ROLLING])):
                entry.append({"softmax": dtype, "text": text, "answer": answer})
            if dtype == "float32":
                for (context, kwargs), answer in zip(GENERATE, answers(lm, "generate", [(c, dict(k, until=list(k["until"]))) for c, k in GENERATE])):
                    entry.append({"softmax": dtype, "context": context, "kwargs": kwargs, "answer": answer})
        out[name] = entry
    target = ROOT / "tests/golden/evaluation"
    target.mkdir(parents=True, exist_ok=True)
    text = "{\n" + ",\n".join(f"{json.dumps(name)}: [\n" + ",\n".join(json.dumps(one, ensure_ascii=False) for one in entry) + "\n]" for name, entry in out.items()) + "\n}\n"
    (target / "answers.json").write_text(text, encoding="utf-8")


main()
