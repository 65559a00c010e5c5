"""A card of nothing that was trained."""

from __future__ import annotations

from cxr.films.preprocessing import Preprocessing
from cxr.scoring.card import Architecture, Card, DataSet, StoredFile, TrainingFacts
from cxr.scoring.evaluation import Evaluation
from cxr.scoring.operating_points import Calibration, OperatingPoint

SHA256 = "0123456789ab" + "cd" * 26
POINT = OperatingPoint(
    name="sensitivity-95",
    rule="The highest threshold with a sensitivity of at least 95 % on validation.",
    threshold=0.4,
    near=(0.3, 0.55),
    n=288,
    sensitivity=0.9615,
    sensitivity_ci=(0.8929, 0.9868),
    specificity=0.8952,
    specificity_ci=(0.8464, 0.9297),
)
TEST = Evaluation(
    model="pneumonia-made",
    split="test",
    n=336,
    auc=None,
    auc_ci=None,
    operating_point=POINT.name,
    threshold=POINT.threshold,
    accuracy=0.9444,
    accuracy_ci=(0.8764, 0.976),
    sensitivity=0.9444,
    sensitivity_ci=(0.8764, 0.976),
    specificity=None,
    specificity_ci=None,
    confusion_matrix=((0, 0), (19, 317)),
)


def a_card(finding: str = "pneumonia", **changes: object) -> Card:
    """Make one, with other values for some fields."""
    fields: dict = {
        "name": f"{finding}-made",
        "finding": finding,
        "classes": ("normal", finding),
        "population": "children of 1 to 5 years",
        "architecture": Architecture("made", {}, 1),
        "input": Preprocessing(64, 64, 1),
        "preprocessing": "",
        "recipe": None,
        "training": TrainingFacts(
            epochs=8,
            kept_epoch=6,
            wall_seconds=10.0,
            share=1.0,
            versions={"python": "3.11.7", "keras": "3.15.1"},
        ),
        "data": DataSet("", "", "", "", "", ()),
        "calibration": Calibration(1.0),
        "operating_points": (POINT, OperatingPoint(**vars(POINT) | {"name": "other"})),
        "default_operating_point": POINT.name,
        "evaluation": {"test": TEST},
        "weights": StoredFile("weights.weights.h5", SHA256),
    }
    return Card(**fields | changes)
