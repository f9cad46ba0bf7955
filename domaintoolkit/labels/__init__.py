"""The label table: what to predict of which entity as of which date, and the histories that it names."""

from domaintoolkit.labels.label_reading import read_labels
from domaintoolkit.labels.label_table import LabelSettings, LabelTable
from domaintoolkit.labels.label_task import Kind, LabelTask
from domaintoolkit.labels.placement import Placement, place_labels
from domaintoolkit.labels.stream_labels import read_stream_labels

__all__ = [
    "Kind",
    "LabelSettings",
    "LabelTable",
    "LabelTask",
    "Placement",
    "place_labels",
    "read_labels",
    "read_stream_labels",
]
