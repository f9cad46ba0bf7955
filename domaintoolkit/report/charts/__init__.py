"""Pictures as SVG text, each with the table of its numbers."""

from domaintoolkit.report.charts.bars import bar_chart, histogram
from domaintoolkit.report.charts.figure import Figure, Table
from domaintoolkit.report.charts.heat import heat_map
from domaintoolkit.report.charts.lines import Series, line_chart

__all__ = ["Figure", "Series", "Table", "bar_chart", "heat_map", "histogram", "line_chart"]
