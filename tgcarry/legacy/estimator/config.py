"""How an estimator trains: when it saves, what it keeps, where."""

from __future__ import annotations

import copy
import tempfile
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError

_DEFAULT: Any = object()
_DEFAULT_SECONDS = 600


class RunConfig:
    """Holds the settings of an estimator.

    Args:
      model_dir: folder of checkpoints and summaries.
      tf_random_seed: the graphs' seed.
      save_summary_steps: steps between summaries.
      save_checkpoints_steps, save_checkpoints_secs: one of both, between checkpoints; None
        for both saves none; 600 seconds by default.
      session_config: `tf.ConfigProto`.
      keep_checkpoint_max: how many checkpoints to keep.
      keep_checkpoint_every_n_hours: which ones to keep for good.
      log_step_count_steps: steps between log lines.
      train_distribute, device_fn, protocol, eval_distribute, experimental_distribute,
        experimental_max_worker_delay_secs: kept and not used; there is one machine.
      session_creation_timeout_secs: kept and not used.

    Raises:
      DataError: both of `save_checkpoints_steps` and `save_checkpoints_secs`.

    Source: TensorFlow 1.15 `tf.estimator.RunConfig`. Not included: `TF_CONFIG`.
    """

    def __init__(
        self,
        model_dir: str | None = None,
        tf_random_seed: int | None = None,
        save_summary_steps: int | None = 100,
        save_checkpoints_steps: Any = _DEFAULT,
        save_checkpoints_secs: Any = _DEFAULT,
        session_config: Any = None,
        keep_checkpoint_max: int = 5,
        keep_checkpoint_every_n_hours: float = 10000,
        log_step_count_steps: int | None = 100,
        train_distribute: Any = None,
        device_fn: Any = None,
        protocol: Any = None,
        eval_distribute: Any = None,
        experimental_distribute: Any = None,
        experimental_max_worker_delay_secs: Any = None,
        session_creation_timeout_secs: int = 7200,
    ) -> None:
        steps, seconds = _saving(save_checkpoints_steps, save_checkpoints_secs)
        self._model_dir = model_dir
        self._tf_random_seed = tf_random_seed
        self._save_summary_steps = save_summary_steps
        self._save_checkpoints_steps = steps
        self._save_checkpoints_secs = seconds
        self._session_config = session_config
        self._keep_checkpoint_max = keep_checkpoint_max
        self._keep_checkpoint_every_n_hours = keep_checkpoint_every_n_hours
        self._log_step_count_steps = log_step_count_steps
        self._train_distribute = train_distribute
        self._device_fn = device_fn
        self._protocol = protocol
        self._eval_distribute = eval_distribute
        self._experimental_distribute = experimental_distribute
        self._experimental_max_worker_delay_secs = experimental_max_worker_delay_secs
        self._session_creation_timeout_secs = session_creation_timeout_secs
        self._service = None
        self._cluster_spec = tf.train.ClusterSpec({})
        self._task_type = "worker"
        self._task_id = 0
        self._global_id_in_cluster = 0
        self._master = ""
        self._evaluation_master = ""
        self._is_chief = True
        self._num_ps_replicas = 0
        self._num_worker_replicas = 1

    def __getattr__(self, name: str) -> Any:
        """Returns a setting: each is an attribute of its argument's name."""
        if name.startswith("_") or f"_{name}" not in vars(self):
            raise AttributeError(f"RunConfig has no {name!r}")
        return vars(self)[f"_{name}"]

    def replace(self, **kwargs: Any) -> Any:
        """Returns one like this with some settings changed.

        Raises:
          DataError: there is no such setting, or both ways to save are set.
        """
        changed = copy.copy(self)
        for name, value in kwargs.items():
            if f"_{name}" not in vars(self):
                raise DataError(f"RunConfig has no setting {name!r}")
            setattr(changed, f"_{name}", value)
        both = {"save_checkpoints_steps", "save_checkpoints_secs"}
        given = both & kwargs.keys()
        if len(given) == 1:
            (other,) = both - given
            setattr(changed, f"_{other}", None)
        return changed


def _saving(steps: Any, seconds: Any) -> tuple[Any, Any]:
    if steps is _DEFAULT and seconds is _DEFAULT:
        return None, _DEFAULT_SECONDS
    steps = None if steps is _DEFAULT else steps
    seconds = None if seconds is _DEFAULT else seconds
    if steps is not None and seconds is not None:
        raise DataError(
            f"save_checkpoints_steps {steps} and save_checkpoints_secs {seconds}: give one"
        )
    return steps, seconds


def with_folder(config: Any, model_dir: Any, kind: type[Any] = RunConfig) -> Any:
    """Returns settings that name a folder: `model_dir`, their own, or a temporary one.

    Args:
      config: settings, or None.
      model_dir: folder, or None.
      kind: the class of the settings.

    Raises:
      DataError: two folders that differ, or settings of another kind.
    """
    if config is None:
        config = kind()
        tf.logging.info("Using default config.")
    elif isinstance(config, dict):
        config = kind(**config)
    if not isinstance(config, RunConfig):
        raise DataError(f"config {config!r}: give a tf.estimator.RunConfig")
    if config.session_config is None:
        config = config.replace(session_config=tf.ConfigProto(allow_soft_placement=True))
    model_dir = None if model_dir is None else str(model_dir)
    if model_dir and config.model_dir and model_dir != config.model_dir:
        raise DataError(f"model_dir {model_dir!r}, of the config {config.model_dir!r}: give one")
    folder = model_dir or config.model_dir
    if not folder:
        folder = tempfile.mkdtemp()
        tf.logging.warning("Using temporary folder as model directory: %s", folder)
    return config.replace(model_dir=folder)
