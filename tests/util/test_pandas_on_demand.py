"""Arrow without pandas until pandas is imported."""

import subprocess
import sys

import pytest

CHECK = """
import sys
from domaintoolkit.util.pandas_on_demand import defer_pandas
defer_pandas()
defer_pandas()
import numpy as np
import pyarrow as pa
pa.array([1]), pa.array(np.arange(3)), pa.table({"a": [1]}).sort_by("a")
assert "pandas" not in sys.modules
import pandas
assert type(pandas.__spec__.loader).__name__ == "SourceFileLoader"
column = pandas.Series(["a", None, "b"], dtype="category")
assert pa.types.is_dictionary(pa.array(column).type)
assert pa.array(pandas.Series([1.5, None])).null_count == 1
assert pa.Table.from_pandas(pa.table({"a": [1]}).to_pandas()).num_rows == 1
"""


@pytest.mark.slow
def test_arrow_takes_pandas_once_it_is_imported() -> None:
    subprocess.run([sys.executable, "-c", CHECK], check=True)
