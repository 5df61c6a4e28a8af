"""The charts of a results folder, as Vega-Lite specifications that the HTML report and image files share."""

from grokbench.report.charts.drawing import FIGURES, TIMED, Drawing, drawings, others
from grokbench.report.charts.paper_figures import PAPER_FIGURES
from grokbench.report.charts.sheet import Sheet

__all__ = ["FIGURES", "PAPER_FIGURES", "TIMED", "Drawing", "Sheet", "drawings", "others"]
