"""Answers requests with the hf backend of lm-evaluation-harness; otherwise as ours.mjs. Its argument also has `batch`, the batch size."""

import json
import sys
import time

import torch
import transformers
from lm_eval import __version__
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

task = json.loads(sys.argv[1])
torch.set_num_threads(task["threads"])
pairs = [tuple(pair) for document in json.load(open(task["file"])) for pair in document]
lm = HFLM(task["folder"], dtype="float32", device="cpu", batch_size=task["batch"])


def answer(some):
    instances = [Instance(request_type="loglikelihood", doc={}, arguments=pair, idx=0) for pair in some]
    found = lm.loglikelihood(instances, disable_tqdm=True)
    return sum(one for one, _ in found), sum(greedy for _, greedy in found)


answer(pairs[:8])
start = time.perf_counter()
total, greedy = answer(pairs)
seconds = time.perf_counter() - start
version = f"lm_eval {__version__} with torch {torch.__version__} and transformers {transformers.__version__}, batches of {task['batch']}"
print(json.dumps({"seconds": seconds, "sum": total, "greedy": int(greedy), "version": version}))
