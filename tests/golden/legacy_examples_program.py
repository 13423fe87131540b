"""A TensorFlow 1 program: batches of MNIST's data set class, and the PTB reader's tensors."""

import numpy as np
from tensorflow.contrib.learn.python.learn.datasets.mnist import DataSet

random = np.random.RandomState(1)
images = random.randint(0, 256, (23, 2, 3, 1)).astype(np.uint8)
labels = np.arange(23)
results = {}
for shuffle in (True, False):
    data = DataSet(images, labels, seed=7)
    for step in range(6):
        batch, numbers = data.next_batch(9, shuffle=shuffle)
        results["images_%d_%d" % (shuffle, step)] = batch
        results["labels_%d_%d" % (shuffle, step)] = numbers
    results["epochs_%d" % shuffle] = data.epochs_completed
