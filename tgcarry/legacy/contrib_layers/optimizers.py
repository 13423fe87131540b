"""Optimizers of `tf.contrib.opt` that are Adam with a change."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf


class NadamOptimizer(tf.train.AdamOptimizer):
    """Is Adam with Nesterov's momentum.

        m' = b1 m + (1 - b1) g,    v' = b2 v + (1 - b2) g^2
        w' = w - rate_t (b1 m' + (1 - b1) g) / (sqrt(v') + epsilon)

    with rate_t = rate sqrt(1 - b2^t) / (1 - b1^t).

    Source: Dozat 2016, "Incorporating Nesterov momentum into Adam";
      `tf.contrib.opt.NadamOptimizer` of TensorFlow 1.15.
    """

    def _apply_dense(self, grad: Any, var: Any) -> Any:
        return self._moved(grad, var, lambda slot, value: slot.assign(value))

    _resource_apply_dense = _apply_dense

    def _moved(self, grad: Any, var: Any, assign: Any) -> Any:
        dtype = var.dtype.base_dtype
        rate, b1, b2, epsilon = (
            tf.cast(value, dtype)
            for value in (self._lr_t, self._beta1_t, self._beta2_t, self._epsilon_t)
        )
        power1, power2 = (tf.cast(power, dtype) for power in self._get_beta_accumulators())
        first, second = self.get_slot(var, "m"), self.get_slot(var, "v")
        mean = assign(first, b1 * first + (1 - b1) * grad)
        square = assign(second, b2 * second + (1 - b2) * tf.square(grad))
        rate = rate * tf.sqrt(1 - power2) / (1 - power1)
        step = rate * (b1 * mean + (1 - b1) * grad) / (tf.sqrt(square) + epsilon)
        return tf.group(var.assign_sub(step, use_locking=self._use_locking), mean, square)

    def _apply_sparse_shared(self, grad: Any, var: Any, indices: Any, scatter_add: Any) -> Any:
        dense = tf.IndexedSlices(grad, indices, tf.shape(var))
        return self._apply_dense(tf.convert_to_tensor(dense), var)


class LazyAdamOptimizer(tf.train.AdamOptimizer):
    """Is Adam that leaves rows without a gradient, and their moments, as they are.

    Source: `tf.contrib.opt.LazyAdamOptimizer` of TensorFlow 1.15.
    """

    def _apply_sparse_shared(self, grad: Any, var: Any, indices: Any, scatter_add: Any) -> Any:
        dtype = var.dtype.base_dtype
        rate, b1, b2, epsilon = (
            tf.cast(value, dtype)
            for value in (self._lr_t, self._beta1_t, self._beta2_t, self._epsilon_t)
        )
        power1, power2 = (tf.cast(power, dtype) for power in self._get_beta_accumulators())
        first, second = self.get_slot(var, "m"), self.get_slot(var, "v")
        mean = b1 * tf.gather(first, indices) + (1 - b1) * grad
        square = b2 * tf.gather(second, indices) + (1 - b2) * tf.square(grad)
        rate = rate * tf.sqrt(1 - power2) / (1 - power1)
        with tf.control_dependencies([mean, square]):
            moments = [
                scatter_add(first, indices, mean - tf.gather(first, indices)),
                scatter_add(second, indices, square - tf.gather(second, indices)),
            ]
        moved = scatter_add(var, indices, -rate * mean / (tf.sqrt(square) + epsilon))
        return tf.group(moved, *moments)


class AdamWOptimizer(tf.train.AdamOptimizer):
    """Is Adam that also shrinks the weights: w' = Adam(w - weight_decay w).

    Args:
      weight_decay: share of the weights taken off at each step, a number or a scalar tensor.
      learning_rate, beta1, beta2, epsilon, use_locking, name: as of Adam.

    Source: Loshchilov and Hutter 2017, arXiv:1711.05101; `tf.contrib.opt.AdamWOptimizer` of
      TensorFlow 1.15.
    """

    def __init__(
        self,
        weight_decay: Any,
        learning_rate: Any = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        use_locking: bool = False,
        name: str = "AdamW",
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon, use_locking, name)
        self._weight_decay = weight_decay
        self._decayed: Any = None

    def minimize(
        self,
        loss: Any,
        global_step: Any = None,
        var_list: Any = None,
        gate_gradients: int = tf.train.Optimizer.GATE_OP,
        aggregation_method: Any = None,
        colocate_gradients_with_ops: bool = False,
        name: str | None = None,
        grad_loss: Any = None,
        decay_var_list: Any = None,
    ) -> Any:
        """Takes one step; only the variables in `decay_var_list`, or all, shrink."""
        self._decayed = None if decay_var_list is None else {v.name for v in decay_var_list}
        return super().minimize(
            loss,
            global_step=global_step,
            var_list=var_list,
            gate_gradients=gate_gradients,
            aggregation_method=aggregation_method,
            colocate_gradients_with_ops=colocate_gradients_with_ops,
            name=name,
            grad_loss=grad_loss,
        )

    def apply_gradients(
        self,
        grads_and_vars: Any,
        global_step: Any = None,
        name: str | None = None,
        decay_var_list: Any = None,
    ) -> Any:
        """Shrinks the weights, then takes Adam's step."""
        if decay_var_list is not None:
            self._decayed = {variable.name for variable in decay_var_list}
        pairs = list(grads_and_vars)
        with tf.control_dependencies([gradient for gradient, _ in pairs if gradient is not None]):
            shrunk = [
                variable.assign_sub(
                    tf.cast(self._weight_decay, variable.dtype.base_dtype) * variable
                )
                for gradient, variable in pairs
                if gradient is not None
                and (self._decayed is None or variable.name in self._decayed)
            ]
        with tf.control_dependencies(shrunk):
            return super().apply_gradients(pairs, global_step=global_step, name=name)
