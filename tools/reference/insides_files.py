"""Where goldens of analyses go: tests/golden/insides/NAME.safetensors, with numbers that say what was asked for as metadata."""

import json
from pathlib import Path

from golden_files import GOLDEN_ROOT, State, unshared
from safetensors.torch import save_file

MODELS = Path(__file__).resolve().parents[2] / "models"
INSIDES = GOLDEN_ROOT / "insides"


def checkpoint(name: str) -> tuple[Path, list[int]]:
    """The folder of a golden's checkpoint, and its prompt."""
    folder = GOLDEN_ROOT / name
    ids = json.loads((folder / "golden.json").read_text())["ids"]
    return (folder if (folder / "config.json").exists() else MODELS / name), ids


def write_insides(name: str, tensors: State) -> None:
    INSIDES.mkdir(exist_ok=True)
    path = INSIDES / f"{name}.safetensors"
    save_file(unshared(tensors), path)
    path.chmod(0o644)
    print(f"{name}: {len(tensors)} tensors, {path.stat().st_size / 1000:.0f} kB")
