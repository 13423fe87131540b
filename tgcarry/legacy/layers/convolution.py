"""`tf.layers`: convolutions, by name."""

from __future__ import annotations

from tf_keras.src.legacy_tf_layers import convolutional

from tgcarry.legacy.layers.functional import with_variables

Conv1D = convolutional.Conv1D
Conv2D = convolutional.Conv2D
Conv3D = convolutional.Conv3D
SeparableConv1D = convolutional.SeparableConv1D
SeparableConv2D = convolutional.SeparableConv2D
Conv2DTranspose = convolutional.Conv2DTranspose
Conv3DTranspose = convolutional.Conv3DTranspose

conv1d = with_variables(Conv1D, "conv1d", "tf.layers.conv1d")
conv2d = with_variables(Conv2D, "conv2d", "tf.layers.conv2d")
conv3d = with_variables(Conv3D, "conv3d", "tf.layers.conv3d")
separable_conv1d = with_variables(
    SeparableConv1D, "separable_conv1d", "tf.layers.separable_conv1d"
)
separable_conv2d = with_variables(
    SeparableConv2D, "separable_conv2d", "tf.layers.separable_conv2d"
)
conv2d_transpose = with_variables(
    Conv2DTranspose, "conv2d_transpose", "tf.layers.conv2d_transpose"
)
conv3d_transpose = with_variables(
    Conv3DTranspose, "conv3d_transpose", "tf.layers.conv3d_transpose"
)
