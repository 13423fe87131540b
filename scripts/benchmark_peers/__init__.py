"""What `scripts/benchmark.py` is made of: the worker programs, and the driver's parts.

Each opponent runs in a process of its own: `tgcarry_worker`, `tf1_worker`, `torch_worker`,
`jax_worker`, and `gemm_worker` for the machine's peak. `serve`, `work`, `tf_graph` and
`tf1_worker` are read by Python 3.7 too, where TensorFlow 1.15 lives.
"""
