"""Keras' models with the methods and keywords that they have lost."""

from __future__ import annotations

from typing import Any

from tgcarry import tf1
from tgcarry.legacy.old_keras import keywords

_Model: Any = tf1.keras().models.Model
_Sequential: Any = tf1.keras().models.Sequential


class _Older:
    """Adds Keras 1's keywords to what trains and evaluates."""

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Trains; see Keras."""
        renamed = keywords.renamed(kwargs, keywords.FIT)
        return super().fit(*args, **renamed)  # type: ignore[misc]

    def fit_generator(self, *args: Any, **kwargs: Any) -> Any:
        """Trains on a generator; see Keras."""
        renamed = keywords.renamed(kwargs, keywords.FIT)
        return super().fit_generator(*args, **renamed)  # type: ignore[misc]


class Model(_Older, _Model):
    """Is Keras' functional model, that knows `input` and `output` as keywords too."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Takes Keras 1's keywords."""
        return super().__new__(cls, *args, **keywords.renamed(kwargs, keywords.MODEL))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **keywords.renamed(kwargs, keywords.MODEL))


class Sequential(_Older, _Sequential):
    """Is Keras' sequential model, that predicts classes too."""

    def predict_proba(self, x: Any, batch_size: int = 32, verbose: int = 0) -> Any:
        """Returns the predictions, `[N, C]`."""
        return self.predict(x, batch_size=batch_size, verbose=verbose)

    def predict_classes(self, x: Any, batch_size: int = 32, verbose: int = 0) -> Any:
        """Returns the most probable classes `[N]`; of one output, those above 0.5 `[N, 1]`."""
        probabilities = self.predict(x, batch_size=batch_size, verbose=verbose)
        if probabilities.shape[-1] > 1:
            return probabilities.argmax(axis=-1)
        return (probabilities > 0.5).astype("int32")
