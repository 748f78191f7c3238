"""Training cases: every family twice, with the options of the loss, the optimiser and the schedule spread over them."""

from dataclasses import dataclass, field

ADAMW = {"name": "adamw", "lr": 0.003, "betas": [0.9, 0.95], "eps": 1e-8, "weightDecay": 0.1, "decay": "all"}
BASE = {"train": "full", "batch": 2, "steps": 10, "optimizer": ADAMW, "schedule": {"name": "constant"}, "clip": 1.0}
BASE |= {"zLoss": 1e-4, "seed": 1}
# Of the rows of data.ids. Five rows in batches of two: the third batch begins again with the first row.
LENGTHS = [9, 4, 12, 2, 7]
FORMULA_IDS = [3, 1, 4, 1, 5, 9, 2, 6]


@dataclass
class TrainingCase:
    name: str
    model: str  # folder under tests/golden
    about: str
    config: dict = field(default_factory=dict)  # beside BASE
    lengths: list[int] = field(default_factory=lambda: LENGTHS)
    rows: list[list[int]] | None = None
    gradients: bool = True  # write all of them, not only their global norm
    gradients_of: int = 0  # step
    own_rounding: bool = False  # the layers of transformers round, not ours
    published: list[float] = field(default_factory=list)  # losses


def optimizer(**changes: object) -> dict:
    return {"optimizer": ADAMW | changes}


CASES = [
    TrainingCase(
        "backpack-sum",
        "backpack-hub",
        "Summed senses, scores divided by the number of the layer; decay on the matrices only; Adam's beta of 0.999.",
        optimizer(decay="matrices", betas=[0.9, 0.999]),
    ),
    TrainingCase(
        "backpack-mean",
        "backpack-levanter",
        "Mean of senses, as Levanter's; cosine to 0 after a warm-up.",
        {"schedule": {"name": "cosine", "warmup": 3}},
    ),
    TrainingCase(
        "backpack-frozen-embeddings",
        "backpack-formula",
        "Embeddings of words (so the head too) and of positions stay as they are.",
        {"freeze": ["*.wte.weight", "*.wpe.weight"]},
        lengths=[9, 3, 6],
        gradients=False,
    ),
    TrainingCase("llama-dense", "llama-dense", "Tied head.", lengths=[9, 4, 12, 2, 17]),
    TrainingCase(
        "llama-biases",
        "training/llama-biases",
        "Two query heads per key head, biases everywhere, own head; OpenLM's cosine to a floor; norms, biases and embeddings do not decay.",
        optimizer(decay={"except": ["*norm*", "*.bias", "*embed*"]}) | {"schedule": {"name": "cosine", "warmup": 2, "floor": 2e-4}},
    ),
    TrainingCase(
        "llama-long",
        "llama-rope-linear",
        "Sequences of more than one page of keys, one query head in two per key head.",
        {"steps": 3, "batch": 3},
        lengths=[129, 2, 66],
    ),
    TrainingCase(
        "backpack-long",
        "backpack-bin",
        "Sequences of more than one page of senses; a checkpoint of torch.save.",
        {"steps": 3, "batch": 3},
        lengths=[66, 5, 78],
        gradients=False,
    ),
    TrainingCase(
        "mamba-long",
        "falcon-mamba",
        "A long sequence beside a short one.",
        {"steps": 3},
        lengths=[300, 3],
    ),
    TrainingCase(
        "bitnet-online",
        "llama-online",
        "The weights before rounding, which transformers' own layers round in every pass.",
        {"lambda": {"name": "constant"}},
        lengths=[5, 3, 6],
        own_rounding=True,
    ),
    TrainingCase(
        "llama-lambda",
        "llama-dense",
        "Rounded by degrees: the gradients are those of step 3, where lambda is 0.6.",
        {"lambda": {"name": "linear", "steps": 5}},
        lengths=[5, 3, 6, 2, 4],
        gradients_of=3,
    ),
    TrainingCase(
        "llama-ternary",
        "llama-rope-llama3",
        "Rounded wholly from the first step on.",
        {"lambda": {"name": "constant"}},
        lengths=[5, 3, 6],
    ),
    TrainingCase(
        "llama-inner-norm",
        "training/llama-inner-norm",
        "A norm before each ternary layer, those of the blocks stay 1; rounded by degrees: the gradients are those of step 3, where lambda is 0.6.",
        {"lambda": {"name": "linear", "steps": 5}, "innerNorm": True},
        lengths=[5, 3, 6, 2, 4],
        gradients_of=3,
    ),
    TrainingCase(
        "llama-inner-norm-online",
        "training/llama-inner-norm",
        "The same model, whose layers transformers normalises and rounds itself.",
        {"lambda": {"name": "constant"}, "innerNorm": True},
        lengths=[5, 3, 6],
        own_rounding=True,
    ),
    TrainingCase("mamba-odd", "mamba-odd", "Inner width 3 M, window 3, biases, tied head."),
    TrainingCase(
        "mamba-tri",
        "mamba-tri",
        "Two micro-batches of two rows for each step, weighted by their tokens.",
        {"accumulate": 2},
        gradients=False,
    ),
    TrainingCase(
        "mamba-linear",
        "mamba-tri",
        "Linear to 0 after a warm-up, decay on the matrices only.",
        optimizer(decay="matrices") | {"schedule": {"name": "linear", "warmup": 4}},
        gradients=False,
    ),
    TrainingCase(
        "falcon-mamba",
        "falcon-mamba",
        "Norms of dt, B and C, own head; no clipping.",
        {"clip": None},
    ),
    TrainingCase("granite-tied", "granite-tied", "Three query heads per key head, tied head, multipliers of 12, 0.22 and 1/8."),
    TrainingCase(
        "granite-untied",
        "granite-untied",
        "Biases, own head, unusual multipliers; three micro-batches of one row.",
        {"batch": 1, "accumulate": 3},
    ),
    TrainingCase(
        "granite-mup",
        "granite-tied",
        "muP: inner matrices learn at 1/8 of the rate and decay by a value of their own.",
        optimizer(decay="matrices", groups=[{"tensors": ["*_proj.weight"], "rate": 0.125, "weightDecay": 0.8}]),
        gradients=False,
    ),
    TrainingCase("granite-moe-plain", "granite-moe-40", "8 of 40 experts, no loss for their balance.", gradients=False),
    TrainingCase(
        "granite-moe-transformers",
        "granite-moe-10",
        "8 of 10 experts; the balance of transformers, over all layers together.",
        {"balance": {"name": "transformers", "coefficient": 0.01}},
    ),
    TrainingCase(
        "granite-moe-dolomite",
        "granite-moe-v5-names",
        "3 of 5 experts under the names of transformers 5; the balance of dolomite-engine, summed over layers, with its z-loss.",
        {"balance": {"name": "dolomite", "coefficient": 0.01, "zLoss": 0.1}},
    ),
    TrainingCase(
        "granite-moe-megablocks",
        "granite-moe-shared",
        "granitemoeshared, 3 of 6 experts; the balance of megablocks. Two micro-batches of two rows, each with a balance of its own.",
        {"balance": {"name": "megablocks", "coefficient": 0.02}, "accumulate": 2},
    ),
    TrainingCase(
        "granite-formula",
        "granite-formula",
        "Weights from a sine formula, with published losses.",
        optimizer(lr=0.01) | {"batch": 1, "steps": 5},
        rows=[FORMULA_IDS],
        gradients=False,
        published=[3.46122, 3.41387, 3.37184, 3.334658, 3.301097],
    ),
    TrainingCase(
        "mamba-formula",
        "mamba-formula",
        "Weights from a sine formula, with published losses.",
        optimizer(lr=0.01) | {"batch": 1, "steps": 5},
        rows=[FORMULA_IDS],
        gradients=False,
        published=[3.451324, 3.132592, 2.908635, 2.648166, 2.425733],
    ),
    TrainingCase("llama-bf16", "llama-dense", "Matrices are bfloat16 in each pass; masters and gradients are not.", {"compute": "bf16"}),
    TrainingCase(
        "llama-bf16-lambda",
        "llama-dense",
        "The same while lambda rises: what is moved towards 1.58 bits are the bfloat16 numbers.",
        {"compute": "bf16", "lambda": {"name": "linear", "steps": 5}},
        gradients=False,
    ),
    TrainingCase("backpack-bf16", "backpack-hub", "Matrices in bfloat16, three uses of one table.", {"compute": "bf16"}, gradients=False),
    TrainingCase("mamba-bf16", "mamba-odd", "Matrices in bfloat16; A_log and the convolution stay.", {"compute": "bf16"}),
    TrainingCase("granite-moe-bf16", "granite-moe-10", "Experts in bfloat16.", {"compute": "bf16"}),
]
