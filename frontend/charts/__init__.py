"""The one place where charts are drawn: by the server, as SVG (docs/decisions/0019-charts-from-the-server.md)."""

from frontend.charts.line import draw
from frontend.charts.shapes import Axis, BadChart, LineChart, Mark, Series
from frontend.charts.spark import Spark, spark
from frontend.charts.training import loss_curve, run_charts, table_of

__all__ = [
    "Axis",
    "BadChart",
    "LineChart",
    "Mark",
    "Series",
    "Spark",
    "draw",
    "loss_curve",
    "run_charts",
    "spark",
    "table_of",
]
