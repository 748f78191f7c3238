"""Makes tests/golden/*/interventions-*: `python make_interventions.py [--only PART_OF_A_NAME]`, after make_goldens.py, which clears the folders."""

import argparse

import torch
from cases_interventions import CASES, make
from transformers.utils import logging


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only the cases whose names contain this")
    only: str = parser.parse_args().only
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    for case in CASES:
        if only in f"{case.golden} {case.name}":
            make(case)


if __name__ == "__main__":
    main()
