"""
Answers of lm-evaluation-harness to requests that are hard to divide into tokens: tests/golden/evaluation/answers.json.
Wants lm_eval 0.4.13 with torch and transformers: python make_answers.py, or with names of models, of which alone the answers are made again.
"""

import json
import random
import sys
from pathlib import Path
from types import SimpleNamespace

import torch
from bit_linear import load_ternary
from cases_tiny import load_backpack
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from lm_eval.models.utils_hf import stop_sequences_criteria
from transformers import GPT2Config, PreTrainedTokenizerFast

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "tests/golden/evaluation/answers.json"
FIXTURES = ROOT / "tests/fixtures/evaluation/models"


class Wrapped(torch.nn.Module):
    """A reference of ours in the place of a model of transformers."""

    def __init__(self, model, config):
        super().__init__()
        self.inner, self.config, self.device = model, config, torch.device("cpu")

    def tie_weights(self):
        pass

    def forward(self, ids):
        return SimpleNamespace(logits=self.inner(ids))


class WrappedLM(HFLM):
    """Generates greedily, reading the whole text for each token."""

    def _model_generate(self, context, max_length, stop, **kwargs):
        stopped = stop_sequences_criteria(self.tokenizer, stop, context.shape[1], context.shape[0])
        with torch.no_grad():
            while context.shape[1] < max_length:
                context = torch.cat([context, self.model(context).logits[:, -1:].argmax(-1)], 1)
                if context[0, -1] == self.tokenizer.eos_token_id or stopped(context, None).all():
                    break
        return context


def shipped(name):
    return lambda dtype: HFLM(str(ROOT / "models" / name), dtype="float32", device="cpu", softmax_dtype=dtype)


def tokenizer_of(folder):
    return PreTrainedTokenizerFast.from_pretrained(folder)


def backpack(dtype):
    folder = FIXTURES / "backpack"
    config = GPT2Config.from_json_file(folder / "config.json")
    model = Wrapped(load_backpack(folder).model, config)
    return WrappedLM(model, tokenizer=tokenizer_of(folder), softmax_dtype=dtype, backend="causal")


def ternary(dtype):
    folder = FIXTURES / "ternary"
    return HFLM(load_ternary(folder).model, tokenizer=tokenizer_of(folder), softmax_dtype=dtype, backend="causal")


# As tests find them: shipped models by name, others below tests/fixtures/evaluation/models.
MODELS = {"granite-tiny": shipped("granite-tiny"), "mamba-tiny": shipped("mamba-tiny"), "backpack": backpack, "ternary": ternary}

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


def entries(load):
    entry = []
    for dtype in ["float32", "bfloat16"]:
        lm = load(dtype)
        pairs = PAIRS + mixed(24)
        for (context, continuation), answer in zip(pairs, answers(lm, "loglikelihood", pairs)):
            entry.append({"softmax": dtype, "context": context, "continuation": continuation, "answer": answer})
        for text, answer in zip(ROLLING, answers(lm, "rolling", [(text,) for text in ROLLING])):
            entry.append({"softmax": dtype, "text": text, "answer": answer})
        if dtype == "float32":
            for (context, kwargs), answer in zip(GENERATE, answers(lm, "generate", [(c, dict(k, until=list(k["until"]))) for c, k in GENERATE])):
                entry.append({"softmax": dtype, "context": context, "kwargs": kwargs, "answer": answer})
    return entry


def main():
    torch.set_num_threads(1)
    only = sys.argv[1:]
    before = json.loads(OUT.read_text(encoding="utf-8")) if only else {}
    out = {name: entries(load) if not only or name in only else before[name] for name, load in MODELS.items() if not only or name in only or name in before}
    lines = [f"{json.dumps(name)}: [\n" + ",\n".join(json.dumps(one, ensure_ascii=False) for one in entry) + "\n]" for name, entry in out.items()]
    OUT.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
