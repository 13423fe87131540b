"""Embeddings of `tf.contrib.layers`."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError
from tgcarry.legacy.contrib_layers import variables


def embed_sequence(
    ids: Any,
    vocab_size: int | None = None,
    embed_dim: int | None = None,
    unique: bool = False,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = True,
    scope: Any = None,
    reuse: Any = None,
) -> Any:
    """Looks ids `[B, T]` up in a variable `embeddings` `[vocab_size, embed_dim]`.

    Returns:
      `[B, T, embed_dim]`.

    Source: `tf.contrib.layers.embed_sequence` of TensorFlow 1.15.
    """
    if not reuse and not (vocab_size and embed_dim):
        raise DataError(
            f"embed_sequence with vocab_size={vocab_size} and embed_dim={embed_dim}: "
            "give both, unless you reuse a variable"
        )
    with tf.variable_scope(scope, "EmbedSequence", [ids], reuse=reuse):
        shape = [vocab_size, embed_dim] if vocab_size and embed_dim else None
        embeddings = variables.model_variable(
            "embeddings",
            shape=shape,
            initializer=initializer,
            regularizer=regularizer,
            trainable=trainable,
        )
        if unique:
            return embedding_lookup_unique(embeddings, ids)
        return tf.nn.embedding_lookup(embeddings, ids)


def bow_encoder(
    ids: Any,
    vocab_size: int,
    embed_dim: int,
    sparse_lookup: bool = True,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = True,
    scope: Any = None,
    reuse: Any = None,
) -> Any:
    """Averages the embeddings of each row of ids `[B, T]`, zeros left out.

    Returns:
      `[B, embed_dim]`.

    Source: `tf.contrib.layers.bow_encoder` of TensorFlow 1.15.
    """
    if not vocab_size or not embed_dim:
        raise DataError(
            f"bow_encoder with vocab_size={vocab_size} and embed_dim={embed_dim}: give both"
        )
    with tf.variable_scope(scope, "bow_encoder", [ids], reuse=reuse):
        embeddings = variables.model_variable(
            "embeddings",
            shape=[vocab_size, embed_dim],
            initializer=initializer,
            regularizer=regularizer,
            trainable=trainable,
        )
        if not sparse_lookup:
            if isinstance(ids, tf.SparseTensor):
                raise TypeError("bow_encoder got sparse ids: leave sparse_lookup=True")
            return tf.reduce_mean(tf.nn.embedding_lookup(embeddings, ids), axis=1)
        if not isinstance(ids, tf.SparseTensor):
            ids = dense_to_sparse(ids)
        return safe_embedding_lookup_sparse([embeddings], ids, combiner="mean", default_id=0)


def dense_to_sparse(
    tensor: Any, eos_token: int = 0, outputs_collections: Any = None, scope: Any = None
) -> Any:
    """Makes a sparse tensor of the entries other than `eos_token`.

    Source: `tf.contrib.layers.dense_to_sparse` of TensorFlow 1.15.
    """
    with tf.variable_scope(scope, "dense_to_sparse", [tensor]):
        tensor = tf.convert_to_tensor(tensor)
        places = tf.where(tf.not_equal(tensor, tf.constant(eos_token, tensor.dtype)))
        shape = tf.shape(tensor, out_type=tf.int64)
        sparse = tf.SparseTensor(places, tf.gather_nd(tensor, places), shape)
        for collection in outputs_collections or ():
            tf.add_to_collection(collection, sparse)
        return sparse


def embedding_lookup_unique(
    params: Any, ids: Any, partition_strategy: str = "mod", name: str | None = None
) -> Any:
    """Looks each id up once, however often it is in `ids`.

    Returns:
      The shape of `ids`, then that of an embedding.

    Source: `tf.contrib.layers.embedding_lookup_unique` of TensorFlow 1.15.
    """
    with tf.name_scope(name, "EmbeddingLookupUnique", [params, ids]):
        ids = tf.convert_to_tensor(ids)
        shape = tf.shape(ids)
        flat = tf.reshape(ids, tf.reduce_prod(shape, keepdims=True))
        different, which = tf.unique(flat)
        found = tf.nn.embedding_lookup(params, different, partition_strategy)
        rows = tf.gather(found, which)
        embedded = tf.reshape(rows, tf.concat([shape, tf.shape(found)[1:]], 0))
        embedded.set_shape(ids.shape.concatenate(found.shape[1:]))
        return embedded


def safe_embedding_lookup_sparse(
    embedding_weights: Any,
    sparse_ids: Any,
    sparse_weights: Any = None,
    combiner: str | None = None,
    default_id: int | None = None,
    name: str | None = None,
    partition_strategy: str = "div",
    max_norm: float | None = None,
) -> Any:
    """Combines the embeddings of each row; rows without ids get `default_id`'s, or zeros.

    Source: `tf.contrib.layers.safe_embedding_lookup_sparse` of TensorFlow 1.15.
    """
    return tf.nn.safe_embedding_lookup_sparse(
        embedding_weights,
        sparse_ids,
        sparse_weights=sparse_weights,
        combiner=combiner or "mean",
        default_id=default_id,
        name=name or "embedding_lookup",
        partition_strategy=partition_strategy,
        max_norm=max_norm,
    )
