"""The settings of `tf.contrib.learn`'s estimators."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.legacy.estimator import config


class RunConfig(config.RunConfig):
    """Holds the settings of an estimator; see `tf.estimator`'s for those with one name.

    Args:
      master, evaluation_master: kept and not used.
      num_cores: kept and not used.
      log_device_placement, gpu_memory_fraction: of the session.
      save_checkpoints_secs, save_checkpoints_steps: one of both, between checkpoints.

    Source: TensorFlow 1.15 `tf.contrib.learn.RunConfig`.
    """

    def __init__(
        self,
        master: str | None = None,
        num_cores: int = 0,
        log_device_placement: bool = False,
        gpu_memory_fraction: float = 1.0,
        tf_random_seed: int | None = None,
        save_summary_steps: int | None = 100,
        save_checkpoints_secs: Any = 600,
        save_checkpoints_steps: Any = None,
        keep_checkpoint_max: int = 5,
        keep_checkpoint_every_n_hours: float = 10000,
        log_step_count_steps: int | None = 100,
        protocol: Any = None,
        evaluation_master: str = "",
        model_dir: str | None = None,
        session_config: Any = None,
        session_creation_timeout_secs: int = 7200,
    ) -> None:
        if save_checkpoints_steps is not None:
            save_checkpoints_secs = None
        gpu = tf.GPUOptions(per_process_gpu_memory_fraction=gpu_memory_fraction)
        self._tf_config = session_config or tf.ConfigProto(
            log_device_placement=log_device_placement,
            gpu_options=gpu,
            allow_soft_placement=True,
        )
        super().__init__(
            model_dir,
            tf_random_seed,
            save_summary_steps,
            save_checkpoints_steps,
            save_checkpoints_secs,
            self._tf_config,
            keep_checkpoint_max,
            keep_checkpoint_every_n_hours,
            log_step_count_steps,
            protocol=protocol,
            session_creation_timeout_secs=session_creation_timeout_secs,
        )
        self._num_cores = num_cores
