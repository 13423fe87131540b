"""`tf.layers`: pooling, by name."""

from __future__ import annotations

from tf_keras.src.legacy_tf_layers import pooling

from tgcarry.legacy.layers.functional import plain

AveragePooling1D = pooling.AveragePooling1D
AveragePooling2D = pooling.AveragePooling2D
AveragePooling3D = pooling.AveragePooling3D
MaxPooling1D = pooling.MaxPooling1D
MaxPooling2D = pooling.MaxPooling2D
MaxPooling3D = pooling.MaxPooling3D

average_pooling1d = plain(AveragePooling1D, "average_pooling1d", "tf.layers.average_pooling1d")
average_pooling2d = plain(AveragePooling2D, "average_pooling2d", "tf.layers.average_pooling2d")
average_pooling3d = plain(AveragePooling3D, "average_pooling3d", "tf.layers.average_pooling3d")
max_pooling1d = plain(MaxPooling1D, "max_pooling1d", "tf.layers.max_pooling1d")
max_pooling2d = plain(MaxPooling2D, "max_pooling2d", "tf.layers.max_pooling2d")
max_pooling3d = plain(MaxPooling3D, "max_pooling3d", "tf.layers.max_pooling3d")
