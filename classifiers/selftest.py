"""Start-up checks of libraries that come in builds which compute wrong numbers."""

from __future__ import annotations

import importlib
import importlib.metadata
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tamis.classifiers.errors import BundleError

__all__ = ["check_fasttext", "check_fasttext_apart"]

#: Two labels that no word separates: each text's probabilities must still add up to 1.
LINES: Final = (
    "__label__warm the sun is out and the sand is warm",
    "__label__cold snow fell on the hills and the lake froze",
    "__label__warm a hot day with a long walk in the sun",
    "__label__cold ice on the lake and snow on the road",
)
TEXTS: Final = ("the sun and the snow", "a walk on the hills", "something else")

TOLERANCE: Final = 1e-3

#: What is known of other builds that import as `fasttext`.
OTHERS: Final = (
    "known to be wrong: fasttext (raises on NumPy 2), fasttext-wheel and fasttext-numpy2 (wrong probabilities, or NaN "
    "while training)"
)


def check_fasttext() -> None:
    """Checks that the installed fastText computes probabilities: it trains a model of two labels and asks it.

    Several packages install a module named `fasttext`, each over the other, and some return numbers that are no
    probabilities. Takes some tens of milliseconds.

    Raises:
        BundleError: fastText is missing, fails, or its two probabilities do not add up to 1 within 1e-3.
    """
    try:
        answers = _answers()
    except (AttributeError, ImportError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise _wrong_build(f"{type(error).__name__} while it trained and asked a small model") from error
    for answer in answers:
        if len(answer) != 2 or not abs(sum(answer) - 1) <= TOLERANCE:
            raise _wrong_build(f"probabilities ({', '.join(f'{value:.4g}' for value in answer)})")


def check_fasttext_apart() -> None:
    """Runs `check_fasttext` in a process of its own, as the library takes 120 MB for a dictionary of any size.

    Raises:
        BundleError: As `check_fasttext`.
    """
    command = [sys.executable, "-m", __name__]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - this module
    if done.returncode:
        raise BundleError(done.stderr.strip() or f"the check of fastText ended with exit code {done.returncode}")


def _answers() -> list[list[float]]:
    """Trains a model of two labels, and returns its probabilities for each text."""
    fasttext = importlib.import_module("fasttext")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "train.txt")
        data.write_text("\n".join(LINES) + "\n", "utf-8")
        model = fasttext.train_supervised(str(data), dim=4, epoch=10, lr=0.5, minCount=1, thread=1, verbose=0)
    return [[float(value) for value in model.predict(text, k=2)[1]] for text in TEXTS]


def _wrong_build(found: str) -> BundleError:
    return BundleError(
        f"the installed fastText ({', '.join(_packages()) or 'no package'}) is not usable: found {found}; expected two "
        f"probabilities that add up to 1 within {TOLERANCE}. Other builds import under the same name, {OTHERS}. "
        "Uninstall every one of them, then run `pip install --force-reinstall --no-deps fasttext-community`"
    )


def _packages() -> Sequence[str]:
    """Returns the installed packages that claim the module, with versions."""
    names = sorted(set(importlib.metadata.packages_distributions().get("fasttext", [])))
    return [f"{name} {importlib.metadata.version(name)}" for name in names]


if __name__ == "__main__":
    try:
        check_fasttext()
    except BundleError as error:
        sys.exit(str(error))
