"""Tables of the group `contrib_learn`: `tf.contrib.learn` and `tf.estimator`."""

from __future__ import annotations

from tgcarry.legacy.table import Table

_LEARN = "tgcarry.legacy.learn"
_ESTIMATOR = "tgcarry.legacy.estimator"
_PYTHON = "tensorflow.contrib.learn.python.learn"
_HOOKS = (
    "CheckpointSaverHook",
    "CheckpointSaverListener",
    "FeedFnHook",
    "FinalOpsHook",
    "GlobalStepWaiterHook",
    "LoggingTensorHook",
    "NanLossDuringTrainingError",
    "NanTensorHook",
    "ProfilerHook",
    "SecondOrStepTimer",
    "SessionRunArgs",
    "SessionRunContext",
    "SessionRunHook",
    "SessionRunValues",
    "StepCounterHook",
    "StopAtStepHook",
    "SummarySaverHook",
)

_WRITE_IT = "write the model as a model_fn of tf.estimator.Estimator"
_CANNED = {
    name: _WRITE_IT
    for name in (
        "DNNClassifier",
        "DNNEstimator",
        "DNNLinearCombinedClassifier",
        "DNNLinearCombinedEstimator",
        "DNNLinearCombinedRegressor",
        "DNNRegressor",
        "LinearClassifier",
        "LinearEstimator",
        "LinearRegressor",
    )
}
_FIRST_NAMES = {
    name: "was gone in TensorFlow 1.0 too; use tf.contrib.learn.Estimator"
    for name in (
        "TensorFlowClassifier",
        "TensorFlowDNNClassifier",
        "TensorFlowDNNRegressor",
        "TensorFlowEstimator",
        "TensorFlowLinearClassifier",
        "TensorFlowLinearRegressor",
        "TensorFlowRNNClassifier",
        "TensorFlowRNNRegressor",
        "TensorFlowRegressor",
    )
}
_ONE_MACHINE = "trains on one machine"

_TEXT = {
    "ByteProcessor": f"{_LEARN}.text:ByteProcessor",
    "CategoricalVocabulary": f"{_LEARN}.vocabulary:CategoricalVocabulary",
    "TOKENIZER_RE": f"{_LEARN}.text:TOKENIZER_RE",
    "VocabularyProcessor": f"{_LEARN}.text:VocabularyProcessor",
    "tokenizer": f"{_LEARN}.text:tokenizer",
}

_IO = {
    "extract_pandas_data": f"{_LEARN}.pandas_data:extract_pandas_data",
    "extract_pandas_labels": f"{_LEARN}.pandas_data:extract_pandas_labels",
    "extract_pandas_matrix": f"{_LEARN}.pandas_data:extract_pandas_matrix",
    "numpy_input_fn": f"{_LEARN}.inputs:numpy_input_fn",
    "pandas_input_fn": f"{_LEARN}.inputs:pandas_input_fn",
}

_ACTIONS = {name: f"{_LEARN}.actions:{name}" for name in ("run_feeds", "run_feeds_iter", "run_n")}

_MODEL_FN = {
    "ModeKeys": f"{_LEARN}.model_ops:ModeKeys",
    "ModelFnOps": f"{_LEARN}.model_ops:ModelFnOps",
}

_ESTIMATORS = {
    "BaseEstimator": f"{_LEARN}.estimator:Estimator",
    "Estimator": f"{_LEARN}.estimator:Estimator",
    "Evaluable": f"{_LEARN}.estimator:Estimator",
    "NotFittedError": f"{_LEARN}.estimator:NotFittedError",
    "RunConfig": f"{_LEARN}.config:RunConfig",
    "SKCompat": f"{_LEARN}.skcompat:SKCompat",
    "Trainable": f"{_LEARN}.estimator:Estimator",
}

_INPUTS = {
    "numpy_input_fn": f"{_ESTIMATOR}.inputs:numpy_input_fn",
    "pandas_input_fn": f"{_ESTIMATOR}.inputs:pandas_input_fn",
}

_EXPORT = {
    name: f"{_ESTIMATOR}.exports:{name}"
    for name in (
        "ClassificationOutput",
        "ExportOutput",
        "PredictOutput",
        "RegressionOutput",
        "ServingInputReceiver",
        "TensorServingInputReceiver",
        "build_parsing_serving_input_receiver_fn",
        "build_raw_serving_input_receiver_fn",
    )
}

_FIT = "loops are tgcarry's; checkpoints, folders, hooks and shuffling are 1.15's"
_QUEUE = "reads rows through tf.data instead of a queue; shuffles in another order"

TABLES = (
    Table(
        "tensorflow.contrib.learn",
        names={
            **_ACTIONS,
            **_ESTIMATORS,
            **_MODEL_FN,
            **{name: target for name, target in _IO.items() if name.startswith("extract")},
            "Experiment": f"{_LEARN}.runner:Experiment",
            "MetricSpec": f"{_LEARN}.metrics:MetricSpec",
            "NanLossDuringTrainingError": (
                "tensorflow.compat.v1.train:NanLossDuringTrainingError"
            ),
        },
        differs={
            "Estimator": _FIT,
            "Experiment": f"{_ONE_MACHINE}, exports nothing",
            "RunConfig": f"{_ONE_MACHINE}; reads no TF_CONFIG",
        },
        missing={
            **_CANNED,
            **_FIRST_NAMES,
            "DynamicRnnEstimator": "call tf.nn.dynamic_rnn in a model_fn",
            "KMeansClustering": "sklearn.cluster.KMeans does the same",
            "LogisticRegressor": _WRITE_IT,
            "SVM": "sklearn.svm does the same",
            "infer_real_valued_columns_from_input": _WRITE_IT,
            "read_batch_examples": "use tf.data.TextLineDataset or TFRecordDataset",
            "read_batch_features": "use tf.data.experimental.make_batched_features_dataset",
            "read_batch_record_features": "use tf.data.TFRecordDataset",
        },
        aliases=(_PYTHON, "tensorflow.contrib.skflow", "tensorflow.contrib.learn.python"),
    ),
    Table(
        "tensorflow.contrib.learn.preprocessing",
        names={**_TEXT, "CategoricalProcessor": f"{_LEARN}.categorical:CategoricalProcessor"},
        aliases=(
            f"{_PYTHON}.preprocessing",
            f"{_PYTHON}.preprocessing.text",
            f"{_PYTHON}.preprocessing.categorical_vocabulary",
        ),
    ),
    Table(
        "tensorflow.contrib.learn.io",
        names=_IO,
        differs={"numpy_input_fn": _QUEUE, "pandas_input_fn": _QUEUE},
        missing={"generator_input_fn": "use tf.data.Dataset.from_generator"},
        aliases=(f"{_PYTHON}.learn_io", f"{_PYTHON}.io"),
    ),
    Table(
        "tensorflow.contrib.learn.models",
        names={
            name: f"{_LEARN}.models:{name}"
            for name in (
                "linear_regression",
                "linear_regression_zero_init",
                "logistic_regression",
                "logistic_regression_zero_init",
            )
        },
        missing={
            "bidirectional_rnn": "use tf.nn.static_bidirectional_rnn",
            "get_rnn_model": "call tf.nn.static_rnn and linear_regression in a model_fn",
        },
        aliases=(f"{_PYTHON}.models",),
    ),
    Table(
        "tensorflow.contrib.learn.ops",
        names={
            name: f"{_LEARN}.models:{name}"
            for name in ("mean_squared_error_regressor", "softmax_classifier")
        },
        missing={
            "categorical_variable": "use tf.get_variable and tf.nn.embedding_lookup",
            "embedding_lookup": "use tf.nn.embedding_lookup",
            "one_hot_matrix": "use tf.one_hot",
            "rnn_seq2seq": "use tf.contrib.legacy_seq2seq",
            "seq2seq_inputs": "use tf.contrib.legacy_seq2seq",
        },
        aliases=(f"{_PYTHON}.ops",),
    ),
    Table(
        "tensorflow.contrib.learn.monitors",
        names={
            **{
                name: f"{_LEARN}.monitors:{name}"
                for name in (
                    "BaseMonitor",
                    "EveryN",
                    "PrintTensor",
                    "ValidationMonitor",
                    "replace_monitors_with_hooks",
                )
            },
            "CheckpointSaver": "tensorflow.compat.v1.train:CheckpointSaverHook",
            "NanLoss": "tensorflow.compat.v1.train:NanTensorHook",
            "NanLossDuringTrainingError": (
                "tensorflow.compat.v1.train:NanLossDuringTrainingError"
            ),
            "StepCounter": "tensorflow.compat.v1.train:StepCounterHook",
            "StopAtStep": "tensorflow.compat.v1.train:StopAtStepHook",
            "SummarySaver": "tensorflow.compat.v1.train:SummarySaverHook",
        },
        differs={
            name: "is the session hook"
            for name in ("CheckpointSaver", "NanLoss", "StepCounter", "StopAtStep", "SummarySaver")
        },
        missing={
            "CaptureVariable": "use tf.train.LoggingTensorHook",
            "ExportMonitor": "export the trained model behind fit",
            "GraphDump": "use tf.train.LoggingTensorHook",
            "LoggingTrainable": "use tf.train.LoggingTensorHook",
        },
        aliases=(f"{_PYTHON}.monitors",),
    ),
    Table(
        "tensorflow.contrib.learn.learn_runner",
        names={"run": f"{_LEARN}.runner:run"},
        differs={"run": _ONE_MACHINE},
        missing={"tune": "call run in a loop over hyperparameters"},
        aliases=(f"{_PYTHON}.learn_runner",),
    ),
    Table(
        f"{_PYTHON}.estimators.model_fn",
        names=_MODEL_FN,
        aliases=("tensorflow.contrib.learn.estimators.model_fn",),
    ),
    Table(
        f"{_PYTHON}.estimators.run_config",
        names={"RunConfig": f"{_LEARN}.config:RunConfig"},
        aliases=("tensorflow.contrib.learn.estimators.run_config",),
    ),
    Table(
        f"{_PYTHON}.estimators.estimator",
        names={**_ESTIMATORS},
        differs={"Estimator": _FIT},
    ),
    Table(
        f"{_PYTHON}.estimators",
        names={**_ESTIMATORS, **_MODEL_FN},
        missing=_CANNED,
        aliases=("tensorflow.contrib.learn.estimators",),
    ),
    Table(f"{_PYTHON}.metric_spec", names={"MetricSpec": f"{_LEARN}.metrics:MetricSpec"}),
    Table(f"{_PYTHON}.graph_actions", names=_ACTIONS),
    Table(
        "tensorflow.estimator",
        names={
            **{name: f"tensorflow.compat.v1.train:{name}" for name in _HOOKS},
            "Estimator": f"{_ESTIMATOR}.estimator:Estimator",
            "EstimatorSpec": f"{_ESTIMATOR}.spec:EstimatorSpec",
            "EvalSpec": f"{_ESTIMATOR}.together:EvalSpec",
            "Exporter": f"{_ESTIMATOR}.together:Exporter",
            "FinalExporter": f"{_ESTIMATOR}.together:FinalExporter",
            "LatestExporter": f"{_ESTIMATOR}.together:LatestExporter",
            "ModeKeys": f"{_ESTIMATOR}.spec:ModeKeys",
            "RunConfig": f"{_ESTIMATOR}.config:RunConfig",
            "TrainSpec": f"{_ESTIMATOR}.together:TrainSpec",
            "VocabInfo": "tensorflow.compat.v1.train:VocabInfo",
            "WarmStartSettings": f"{_ESTIMATOR}.warm_start:WarmStartSettings",
            "train_and_evaluate": f"{_ESTIMATOR}.together:train_and_evaluate",
        },
        differs={
            "Estimator": f"loops are tgcarry's; {_ONE_MACHINE}",
            "RunConfig": f"{_ONE_MACHINE}; reads no TF_CONFIG",
            "train_and_evaluate": _ONE_MACHINE,
        },
        missing={
            **_CANNED,
            "BaselineClassifier": _WRITE_IT,
            "BaselineRegressor": _WRITE_IT,
            "BestExporter": "compare the results of evaluate and call export_saved_model",
            "BoostedTreesClassifier": "sklearn.ensemble has boosted trees",
            "BoostedTreesRegressor": "sklearn.ensemble has boosted trees",
            "add_metrics": "add the metrics in the model_fn",
            "experimental": "use tf.train's session hooks",
            "tpu": "train without TPUEstimator",
        },
        aliases=("tensorflow.python.estimator.estimator", "tensorflow.python.estimator"),
    ),
    Table(
        "tensorflow.estimator.inputs",
        names=_INPUTS,
        differs={"numpy_input_fn": _QUEUE, "pandas_input_fn": _QUEUE},
        aliases=("tensorflow.python.estimator.inputs",),
    ),
    Table(
        "tensorflow.estimator.export",
        names=_EXPORT,
        aliases=("tensorflow.python.estimator.export",),
    ),
)
