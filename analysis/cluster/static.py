"""The static model: a vector for each token, distilled once from a sentence-transformers model and kept as a folder.

A text's vector is the mean of its tokens' vectors, so no network is run: tens of thousands of sentences a second.

Source: model2vec (S. Tulkens, T. van Dongen, 2024): the encoder's output for each token by itself, principal components,
and weights as for words whose frequency follows their rank (SIF: S. Arora, Y. Liang, T. Ma, 2017, A simple but
tough-to-beat baseline for sentence embeddings). Inference is the library's, which needs no torch.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.cluster.embedders import MINILM, MINILM_NAME, Embedder, Progress, load_model, model_name, unit
from analysis.errors import UserError

DIMENSIONS = 256
SIF = 1e-4
TOKENS_A_BATCH = 1_024
WEIGHTS = "model.safetensors"


def static_embedder(source: str, folder: Path, progress: Progress | None = None) -> Embedder:
    """The static model of a source, from its folder; distilled first where there is none.

    Args:
        source: The name or path of a sentence-transformers model, or minilm.
        folder: Where the model's own folder stands, or will stand.
        progress: Called with (tokens done, tokens) while it is distilled.

    Raises:
        UserError: The source can't be loaded, is not made of tokens, or what is kept can't be read.
    """
    model = None if source == MINILM else load_model(source)
    name = f"static-{model_name(source, model) if model else MINILM_NAME}-{DIMENSIONS}"
    home = folder / re.sub(r"[^\w.@-]", "_", name)
    if not home.exists():
        keep(distil(model or load_model(MINILM), progress), home)
    return _kept(name, home)


def distil(model: Any, progress: Progress | None = None) -> Any:
    """A `model2vec.StaticModel` of a sentence-transformers model.

    Raises:
        UserError: The model has no tokens to distil.
    """
    from model2vec import StaticModel

    tokenizer = getattr(getattr(model, "tokenizer", None), "backend_tokenizer", None)
    if tokenizer is None:
        raise UserError("this model can't be distilled: it has no tokenizer whose tokens have a vector each")
    vectors = _token_vectors(model, tokenizer.get_vocab_size(), progress)
    return StaticModel(
        (_components(vectors) * _weights(len(vectors))[:, None]).astype(np.float32), tokenizer, normalize=True
    )


def keep(model: Any, home: Path) -> None:
    """Write a static model beside its place and move it there; who comes second keeps the first one's."""
    home.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{home.name}.", dir=home.parent))
    try:
        model.save_pretrained(beside)
        (beside / WEIGHTS).chmod(0o644)
        beside.chmod(0o755)
        beside.rename(home)
    except OSError:
        if not home.exists():
            raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _kept(name: str, home: Path) -> Embedder:
    from model2vec import StaticModel

    try:
        model = StaticModel.from_pretrained(home)
        digest = hashlib.sha256((home / WEIGHTS).read_bytes()).hexdigest()
    except Exception as error:  # files that anything may have become of
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"the static model {home} can't be read ({reason}); remove it to have it made again"
        ) from None
    return Embedder(
        f"{name}@{digest[:12]}", lambda texts: unit(model.encode(list(texts), use_multiprocessing=False))
    )


def _token_vectors(model: Any, count: int, progress: Progress | None) -> npt.NDArray[np.float64]:
    """(tokens, dimensions): what the model makes of each token by itself."""
    import torch

    prefix, suffix = _around(model.tokenizer)
    parts = []
    with torch.inference_mode():
        for start in range(0, count, TOKENS_A_BATCH):
            end = min(start + TOKENS_A_BATCH, count)
            rows = torch.tensor(
                [[*prefix, token, *suffix] for token in range(start, end)], device=model.device
            )
            made = model({"input_ids": rows, "attention_mask": torch.ones_like(rows)})
            parts.append(made["sentence_embedding"].float().cpu().numpy())
            if progress:
                progress(end, count)
    return np.concatenate(parts).astype(np.float64)


def _around(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The special tokens that stand before and after a text."""
    marked = tokenizer("a", return_special_tokens_mask=True)
    ids, special = marked["input_ids"], marked["special_tokens_mask"]
    first = special.index(0) if 0 in special else len(special) // 2
    return ids[:first], [token for token, its in zip(ids[first:], special[first:], strict=True) if its]


def _components(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The vectors on their principal components, DIMENSIONS at the most."""
    centred = vectors - vectors.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    return np.asarray(centred @ directions[:, ::-1][:, :DIMENSIONS])


def _weights(count: int) -> npt.NDArray[np.float64]:
    """SIF weights of tokens that are listed by falling frequency, taken to follow Zipf's law."""
    chance = 1 / np.arange(2, count + 2)
    return np.asarray(SIF / (SIF + chance / chance.sum()))
