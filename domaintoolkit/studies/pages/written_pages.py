"""The files that say what a study has found: the page, its pictures, and the verdicts."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from domaintoolkit.report.charts.standalone import name_files, standalone_svg
from domaintoolkit.storage.lock import lock_folder
from domaintoolkit.studies.analysis.verdicts import Verdict, judge_findings
from domaintoolkit.studies.pages.drawings import DrawnFigure, draw_figure
from domaintoolkit.studies.pages.study_page import study_page
from domaintoolkit.studies.pages.study_summary import summary_files
from domaintoolkit.studies.study import Study
from domaintoolkit.studies.study_results import StudyResults, load_results
from domaintoolkit.util.output_sets import link_others, replacing_together
from domaintoolkit.util.partials import replacing, write_atomic

__all__ = ["redraw_study", "write_pages", "write_summary"]

PAGE, FINDINGS = "study.html", "findings.csv"


def redraw_study(study: Study, out: str | Path, name: str | None = None) -> Path:
    """Write the page of a study that has ended again, from its results alone; returns the page's path.

    Its figures and findings are those of `study`, which may differ from those it was run with.
    """
    with lock_folder(Path(out)):
        return write_pages(load_results(study, Path(out), name))


def write_pages(results: StudyResults) -> Path:
    """Write `study.html`, its pictures and `findings.csv` into the folder of a study."""
    drawn, verdicts = _draw(results)
    for name, each in zip(name_files([each.figure.title for each in drawn]), drawn, strict=True):
        write_atomic(results.folder / f"{name}.svg", standalone_svg(each.figure).encode())
    if verdicts:
        _write_verdicts(results.folder / FINDINGS, verdicts)
    # last, since it says that the study has ended
    page = results.folder / PAGE
    write_atomic(page, study_page(results, drawn, verdicts).encode())
    return page


def write_summary(study: Study, out: str | Path, path: str | Path, name: str | None = None) -> list[Path]:
    """Write what a study has found as one Markdown file, with a folder of its name for the pictures and tables."""
    results, file = load_results(study, Path(out), name), Path(path)
    drawn, verdicts = _draw(results)
    beside = file.with_suffix("")
    written = summary_files(results, drawn, verdicts, beside.name)
    with replacing_together([beside, file], [beside, file]) as places:
        for name_, content in written.items():
            write_atomic(places[beside] / name_ if name_ else places[file], content.encode())
        if verdicts:
            _write_verdicts(places[beside] / FINDINGS, verdicts)
        link_others(beside, places[beside], ())
    return [file, *sorted(beside.iterdir())]


def _draw(results: StudyResults) -> tuple[list[DrawnFigure], list[Verdict]]:
    drawn = [found for each in results.study.figures if (found := draw_figure(each, results.rows)) is not None]
    return drawn, judge_findings(results.study, results.rows)


def _write_verdicts(path: Path, verdicts: list[Verdict]) -> None:
    columns = ("measured", "low", "high", "relative")
    table = pa.table(
        {
            "claim": [each.finding.claim for each in verdicts],
            "source": [each.finding.source for each in verdicts],
            "answer": [each.answer for each in verdicts],
            **{name: pa.array([each.figures.get(name) for each in verdicts], pa.float64()) for name in columns},
            "published": pa.array([each.finding.published for each in verdicts], pa.float64()),
            "sentence": [each.sentence for each in verdicts],
        }
    )
    with replacing(path) as file:
        pa.csv.write_csv(table, file)
