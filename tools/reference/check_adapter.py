"""Prints as JSON the logits that Python's PEFT computes with an adapter: `python check_adapter.py CHECKPOINT ADAPTER 3 17 5`."""

import argparse
import json
from pathlib import Path

import torch
from make_adapters import base_model, logits_of
from peft import PeftModel
from transformers.utils import logging


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("adapter", type=Path)
    parser.add_argument("ids", type=int, nargs="+")
    given = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    model = PeftModel.from_pretrained(base_model(given.checkpoint), given.adapter, autocast_adapter_dtype=False)
    with torch.no_grad():
        print(json.dumps(logits_of(model.to(torch.float64).eval(), given.ids).tolist()))


if __name__ == "__main__":
    main()
