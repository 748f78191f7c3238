"""Makes tests/golden: `python make_goldens.py [--only PART_OF_A_NAME]`. See README.md for what is written and how."""

import argparse
import importlib

import torch
from cases_generation import make_generation
from cases_sampling import make_sampling
from golden_case import make
from transformers.utils import logging

FAMILIES = ["cases_backpack", "cases_llama", "cases_mamba", "cases_granite", "cases_tiny"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only the cases whose name contains this")
    only: str = parser.parse_args().only
    torch.set_num_threads(1)
    # Ids of special tokens lie outside the small vocabularies of some cases.
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    for module in FAMILIES:
        for case in importlib.import_module(module).CASES:
            if only in case.name:
                make(case)
    if only in "sampling":
        make_sampling()
    if only in "generation":
        make_generation()


if __name__ == "__main__":
    main()
