"""Data: sources, chunking, packing into streams, masks and reset flags. Needs NumPy only."""

from tgcarry.data.builtin import series, stdlib_text
from tgcarry.data.characters import decode, encode
from tgcarry.data.check import check_chunk
from tgcarry.data.chunk import Chunk, split_chunks
from tgcarry.data.column import Column
from tgcarry.data.csv_file import read_csv
from tgcarry.data.epochs import epochs
from tgcarry.data.file_column import FileColumn
from tgcarry.data.lazy import LazySequence
from tgcarry.data.next_step import next_step
from tgcarry.data.npy_file import read_npy
from tgcarry.data.open_data import open_table
from tgcarry.data.pixels import digits, pixel_sequences
from tgcarry.data.prose import language_topics
from tgcarry.data.scale import Scale, standardise
from tgcarry.data.spool import Spool
from tgcarry.data.streams import Streams, streams
from tgcarry.data.table import Table, hold_out
from tgcarry.data.tasks import adding_problem, delayed_recall, regimes
from tgcarry.data.tasks_copy import copy_task, repeat_copy
from tgcarry.data.tasks_influence import InfluenceBalancing, InfluenceGradient
from tgcarry.data.tasks_order import temporal_order
from tgcarry.data.text_file import read_text
from tgcarry.data.tfrecord_file import read_tfrecord
from tgcarry.data.words import (
    Words,
    character_streams,
    hold_out_words,
    join_words,
    split_words,
    whole_text,
    word_streams,
)

__all__ = [
    "Chunk",
    "Column",
    "FileColumn",
    "InfluenceBalancing",
    "InfluenceGradient",
    "LazySequence",
    "Scale",
    "Spool",
    "Streams",
    "Table",
    "Words",
    "adding_problem",
    "character_streams",
    "check_chunk",
    "copy_task",
    "decode",
    "delayed_recall",
    "digits",
    "encode",
    "epochs",
    "hold_out",
    "hold_out_words",
    "join_words",
    "language_topics",
    "next_step",
    "open_table",
    "pixel_sequences",
    "read_csv",
    "read_npy",
    "read_text",
    "read_tfrecord",
    "regimes",
    "repeat_copy",
    "series",
    "split_chunks",
    "split_words",
    "standardise",
    "stdlib_text",
    "streams",
    "temporal_order",
    "whole_text",
    "word_streams",
]
