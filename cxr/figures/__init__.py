"""Plotly figures of what evaluation, dataset and training return.

A figure function takes numbers that are measured already and returns a
`plotly.graph_objects.Figure`; it measures nothing itself. Each takes ``theme``, "dark" or
"light". The background is transparent, the width that of the container. In Streamlit,
``st.plotly_chart(figure, theme=None)`` keeps these colors.
"""

from .calls import confusion_matrix, score_histogram, subtypes
from .curves import precision_recall, reliability, roc
from .explanations import box_hits, randomization
from .films import (
    class_balance_bars,
    class_balance_pie,
    film_sizes,
    mean_film,
    split_shift,
)
from .monitoring import (
    agreement_by_week,
    drift_bars,
    refusal_shares,
    score_spread,
    shares_by_week,
    use_by_day,
)
from .pairs import score_pairs
from .runs import gap, learning_rate, metric_span, training_curves
from .site import band_of_scores, class_scores, programme, subgroup_rates, waiting_times
from .theme import model_colour
from .words import alt_text, values

__all__ = [
    "agreement_by_week",
    "alt_text",
    "band_of_scores",
    "box_hits",
    "class_balance_bars",
    "class_balance_pie",
    "class_scores",
    "confusion_matrix",
    "drift_bars",
    "film_sizes",
    "gap",
    "learning_rate",
    "mean_film",
    "metric_span",
    "model_colour",
    "precision_recall",
    "programme",
    "randomization",
    "refusal_shares",
    "reliability",
    "roc",
    "score_histogram",
    "score_pairs",
    "score_spread",
    "shares_by_week",
    "split_shift",
    "subgroup_rates",
    "subtypes",
    "training_curves",
    "use_by_day",
    "values",
    "waiting_times",
]
