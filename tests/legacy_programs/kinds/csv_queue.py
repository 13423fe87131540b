"""Reads a CSV by queue runners and a coordinator, as before tf.data."""
import os
import tensorflow as tf

with open("series.csv", "w") as out:
    for i in range(40):
        out.write("%d,%.1f,%d\n" % (i, i * 0.5, i % 3))
queue = tf.train.string_input_producer(["series.csv"], num_epochs=1, shuffle=False)
reader = tf.TextLineReader()
key, value = reader.read(queue)
number, size, label = tf.decode_csv(value, record_defaults=[[0], [0.0], [0]])
batch = tf.train.batch([number, size, label], batch_size=8)
total = tf.reduce_sum(batch[1])
with tf.Session() as sess:
    sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
    coord = tf.train.Coordinator()
    threads = tf.train.start_queue_runners(sess=sess, coord=coord)
    try:
        while not coord.should_stop():
            numbers, amount = sess.run([batch[0], total])
            print(numbers.tolist(), amount)
    except tf.errors.OutOfRangeError:
        print("done")
    finally:
        coord.request_stop()
    coord.join(threads)
writer = tf.python_io.TFRecordWriter("series.tfrecord")
for i in range(3):
    example = tf.train.Example(features=tf.train.Features(feature={
        "n": tf.train.Feature(int64_list=tf.train.Int64List(value=[i])),
        "x": tf.train.Feature(float_list=tf.train.FloatList(value=[i * 0.5] * (i + 1)))}))
    writer.write(example.SerializeToString())
writer.close()
for record in tf.python_io.tf_record_iterator("series.tfrecord"):
    parsed = tf.train.Example.FromString(record)
    print(parsed.features.feature["n"].int64_list.value[0], list(parsed.features.feature["x"].float_list.value))
print(os.path.getsize("series.csv"), tf.gfile.Exists("series.tfrecord"))
