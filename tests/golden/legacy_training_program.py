"""A TensorFlow 1 program: hyperparameters, buckets, and segments with saved states."""

import numpy as np
import tensorflow as tf

results = {}
hparams = tf.contrib.training.HParams(a=1, b=2.0, c="x", d=[1, 2], e=True)
hparams.parse("a=3,b=.5,c=hello,d=[4,5],e=false")
results["hparams"] = np.array([str(hparams), repr(hparams), hparams.to_json(sort_keys=True)])
types = {"a": int, "b": float, "l": int, "t": bool}
parsed = tf.contrib.training.parse_values("a=1, b=2e-3,l=[1,2 ,3],t=1", types)
results["parsed"] = np.array(str(sorted(parsed.items())))


def run(fetches, count):
    with tf.Session() as session:
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        coordinator = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(session, coordinator)
        try:
            return [session.run(fetches) for _ in range(count)]
        finally:
            coordinator.request_stop()
            coordinator.join(threads, ignore_live_threads=True, stop_grace_period_secs=1)


with tf.Graph().as_default():
    number = tf.train.range_input_producer(30, shuffle=False).dequeue()
    length = number % 2 * 4 + 2
    sequence = tf.fill([length], number)
    lengths, (numbers, padded) = tf.contrib.training.bucket_by_sequence_length(
        length, [number, sequence], 3, [4], dynamic_pad=True
    )
    batches = sorted(run([lengths, numbers, padded], 4), key=lambda batch: tuple(batch[1]))
    # Which bucket is full first is up to the threads; what is in one is not.
    short = next(batch for batch in batches if batch[0][0] == 2)
    results["bucket_lengths"], results["bucket_numbers"], results["bucket_padded"] = short
    results["bucket_shapes"] = np.array([str(t.get_shape()) for t in (lengths, numbers, padded)])

with tf.Graph().as_default():
    number = tf.train.range_input_producer(6, shuffle=False).dequeue()
    steps = number % 3 + 2
    inputs = tf.cast(tf.tile(tf.reshape(tf.range(steps), [-1, 1]), [1, 2]) + number, tf.float32)
    batch = tf.contrib.training.batch_sequences_with_states(
        input_key=tf.as_string(number),
        input_sequences={"x": inputs},
        input_context={"number": number},
        input_length=None,
        initial_states={"sum": tf.zeros([2])},
        num_unroll=3,
        batch_size=2,
        num_threads=1,
        capacity=4,
        make_keys_unique=False,
    )
    total = batch.state("sum") + tf.reduce_sum(batch.sequences["x"], 1)
    save = batch.save_state("sum", total)
    fetches = [batch.key, batch.next_key, batch.length, batch.total_length, total, save]
    found = run(fetches, 4)
    for step, values in enumerate(found):
        for place, name in enumerate(("key", "next_key", "length", "total_length", "sum")):
            value = values[place]
            value = value.astype("S40") if value.dtype == object else value
            results["segments_%d_%s" % (step, name)] = value

with tf.Graph().as_default():
    tf.set_random_seed(1)
    weights = tf.get_variable("w", [3], initializer=tf.ones_initializer())
    loss = tf.reduce_sum(tf.square(weights * [1.0, 2.0, 3.0]))
    train_op = tf.contrib.training.create_train_op(
        loss,
        tf.train.GradientDescentOptimizer(0.01),
        transform_grads_fn=tf.contrib.training.clip_gradient_norms_fn(5.0),
    )
    hooks = [tf.train.StopAtStepHook(last_step=3)]
    results["train_loss"] = tf.contrib.training.train(
        train_op, None, hooks=hooks, save_checkpoint_secs=None, save_summaries_steps=None
    )
    results["train_names"] = np.array(sorted(v.op.name for v in tf.global_variables()))
