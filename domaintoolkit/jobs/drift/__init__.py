"""`drift`: new rows compared with those of an encoded folder, part by part, with tests that know the sample size."""

from domaintoolkit.jobs.drift.comparison import Change, Verdict, stability_index
from domaintoolkit.jobs.drift.job import Drift, FieldDrift, PartDrift, drift
from domaintoolkit.jobs.drift.new_values import NewValue

__all__ = ["Change", "Drift", "FieldDrift", "NewValue", "PartDrift", "Verdict", "drift", "stability_index"]
