"""
Makes tests/golden/evaluation/tasks.json: requests, answers and results of lm-evaluation-harness 0.4.13 on a shipped model, over samples/ and
tests/fixtures/evaluation. Needs besides requirements.txt: datasets, dill, jinja2, more_itertools, zstandard, sacrebleu, scikit-learn, and
`pip install --no-deps lm_eval==0.4.13`.
"""

import hashlib
import json
import os
import sys
import types
from pathlib import Path

for missing in ("rouge_score", "rouge_score.rouge_scorer", "rouge_score.scoring"):  # only for tasks that are not used here
    sys.modules.setdefault(missing, types.ModuleType(missing))
sys.modules["rouge_score"].rouge_scorer = sys.modules["rouge_score.rouge_scorer"]
sys.modules["rouge_score"].scoring = sys.modules["rouge_score.scoring"]

# numpy's own exp for AVX-512 is within 1 unit in the last place; elsewhere it takes that of the C library, which rounds to the nearest.
os.environ.setdefault("NPY_DISABLE_CPU_FEATURES", "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR X86_V4")

import torch  # noqa: E402
from lm_eval import simple_evaluate  # noqa: E402
from lm_eval.api.task import ConfigurableTask  # noqa: E402
from lm_eval.models.huggingface import HFLM  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402
from lm_eval.tasks._yaml_loader import load_yaml  # noqa: E402

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures" / "evaluation"
OUT = ROOT / "tests" / "golden" / "evaluation" / "tasks.json"
MODEL = "granite-tiny"


def data(folder, **splits):
    return {"dataset_path": "json", "dataset_name": None, "dataset_kwargs": {"data_files": {k: f"{folder}/{v}.jsonl" for k, v in splits.items()}}}


SAMPLES = "../../../../samples"
OWN = "../data"
SUBJECTS = ("astronomy", "high_school_geography", "marketing")

# name of the case -> task of the harness, keys that replace its own, limit, draws of the bootstrap
CASES = {
    "hellaswag, marks and letters": ("hellaswag", {**data(OWN, validation="hella", train="hella"), "num_fewshot": 2}, None, 100),
    "hellaswag, examples of another split": ("hellaswag", {**data(SAMPLES, validation="hellaswag", train="hellaswag_examples"), "num_fewshot": 3, "fewshot_split": "train"}, 10, 100),
    "winogrande, 0 examples": ("winogrande", {**data(SAMPLES, validation="winogrande", train="winogrande_examples"), "num_fewshot": 0}, None, 100),
    "winogrande, 6 examples of which one may be the document": ("winogrande", {**data(SAMPLES, validation="winogrande", train="winogrande"), "num_fewshot": 6}, 12, 100),
    "arc_easy": ("arc_easy", {**data(OWN, validation="arc", test="arc", train="arc"), "num_fewshot": 3}, None, 100),
    "arc_challenge, a share": ("arc_challenge", {**data(OWN, validation="arc", test="arc", train="arc"), "num_fewshot": 7}, 0.55, 100),
    "openbookqa": ("openbookqa", {**data(OWN, validation="openbook", test="openbook", train="openbook"), "num_fewshot": 1}, None, 100),
    "piqa": ("piqa", {**data(OWN, validation="piqa", train="piqa"), "num_fewshot": 4}, None, 100),
    "boolq": ("boolq", {**data(OWN, validation="boolq", train="boolq"), "num_fewshot": 2}, None, 100),
    "truthfulqa_mc1": ("truthfulqa_mc1", data(OWN, validation="truthful"), None, 100),
    "truthfulqa_mc2": ("truthfulqa_mc2", data(OWN, validation="truthful"), None, 100),
    "gsm8k": ("gsm8k", {**data(OWN, train="gsm8k", test="gsm8k"), "num_fewshot": 2}, None, 100),
    "lambada_openai": ("lambada_openai", data(SAMPLES, test="lambada"), None, 3000),
    "wikitext": ("wikitext", data(OWN, train="wikitext", validation="wikitext", test="wikitext"), None, 100),
}
for subject in SUBJECTS:
    CASES[f"mmlu_{subject}"] = (f"mmlu_{subject}", {**data(SAMPLES, test=f"mmlu_{subject}", dev=f"mmlu_{subject}_dev"), "num_fewshot": 5}, 6, 100)
for name, file in (("adjunct_island", "blimp_a"), ("wh_island", "blimp_b")):
    CASES[f"blimp_{name}"] = (f"blimp_{name}", data(OWN, train=file), None, 100)
# Tasks of files, as they are
CASES["own_group"] = ("own_group", None, None, 100)


def short(text):
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def written(samples):
    """Contexts as hashes, but those of the first document."""
    out = []
    for sample in samples:
        args = [list(one) for one in sample["arguments"]]
        keep = sample["doc_id"] == 0
        out.append(
            {
                "doc_id": sample["doc_id"],
                "filter": sample["filter"],
                "target": sample["target"],
                "contexts": [args[0][0]] if keep else [],
                "context_hashes": [short(one[0]) for one in args],
                "continuations": [one[1] if len(one) > 1 else None for one in args],
                "resps": sample["resps"],
                "filtered_resps": sample["filtered_resps"],
                "hashes": [sample["doc_hash"], sample["prompt_hash"], sample["target_hash"]],
                "metrics": {name: sample[name] for name in sample["metrics"]},
            }
        )
    return out


def with_keys(manager, task, keys):
    config = {**load_yaml(manager.task_index[task].yaml_path), **keys}
    for key in ("tag", "group", "task_list"):
        config.pop(key, None)
    return ConfigurableTask(config=config)


def plain(value):
    return value.tolist() if hasattr(value, "tolist") else str(value)  # numbers and arrays of numpy


def main():
    os.chdir(FIXTURES / "tasks")
    torch.set_num_threads(2)
    model = HFLM(pretrained=str(ROOT / "models" / MODEL), dtype="float32", device="cpu", batch_size=8)
    manager = TaskManager(include_path=[str(FIXTURES / "tasks")])
    only = sys.argv[1:]  # names of cases; the others stay as they are
    before = json.loads(OUT.read_text(encoding="utf-8"))["cases"] if only else []
    out = {"model": MODEL, "lm_eval": "0.4.13", "cases": [case for case in before if case["name"] not in only]}
    for name, (task, keys, limit, draws) in CASES.items():
        if only and name not in only:
            continue
        tasks = [task if keys is None else with_keys(manager, task, keys)]
        got = simple_evaluate(model=model, tasks=tasks, task_manager=manager, limit=limit, bootstrap_iters=draws)
        kept = ("results", "groups", "group_subtasks", "versions", "n-shot", "higher_is_better", "n-samples")
        out["cases"].append(
            {
                "name": name,
                "task": task,
                "keys": keys,
                "limit": limit,
                "bootstrap": draws,
                **{key: got[key] for key in kept if key in got},
                "samples": {one: written(samples) for one, samples in got["samples"].items()},
            }
        )
        out["cases"].sort(key=lambda case: list(CASES).index(case["name"]))
        text = json.dumps(out, default=plain, ensure_ascii=False, indent=None, separators=(",", ":"))
        OUT.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
