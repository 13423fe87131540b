"""An estimator in scikit-learn's manner: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tgcarry.legacy.learn.estimator import Estimator, joined


class SKCompat:
    """Wraps an estimator for arrays.

    Source: TensorFlow 1.15 `tf.contrib.learn.SKCompat`.
    """

    def __init__(self, estimator: Estimator) -> None:
        self._estimator = estimator

    def fit(
        self,
        x: Any,
        y: Any,
        batch_size: int | None = 128,
        steps: int | None = None,
        max_steps: int | None = None,
        monitors: Iterable[Any] | None = None,
    ) -> SKCompat:
        """Trains and returns itself; see `Estimator.fit`."""
        self._estimator.fit(
            x, y, steps=steps, batch_size=batch_size, monitors=monitors, max_steps=max_steps
        )
        return self

    def score(
        self,
        x: Any,
        y: Any,
        batch_size: int | None = 128,
        steps: int | None = None,
        metrics: Any = None,
        name: str | None = None,
    ) -> dict[str, Any]:
        """Returns the metrics by name; see `Estimator.evaluate`."""
        return self._estimator.evaluate(
            x, y, batch_size=batch_size, steps=steps, metrics=metrics, name=name
        )

    def predict(self, x: Any, batch_size: int | None = 128, outputs: Any = None) -> Any:
        """Returns the predictions as one array, or as a dict of arrays."""
        batches = self._estimator.predict(
            x, batch_size=batch_size, outputs=outputs, iterate_batches=True
        )
        return joined(list(batches))

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Returns the parameters, as scikit-learn asks for them."""
        return {"estimator": self._estimator}
