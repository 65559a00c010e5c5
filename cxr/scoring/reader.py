"""What a reader can say of a film and of its score: closed lists, as they are stored."""

import re
from enum import StrEnum

__all__ = ["Agreement", "Call", "Reason", "RegionLabel", "RegionShape"]


class _ClosedList(StrEnum):
    @classmethod
    def _missing_(cls, value: object) -> None:
        # What was given is not quoted back: given by mistake, it could be a name.
        name = re.sub("(?<=[a-z])(?=[A-Z])", " ", cls.__name__).lower()
        article = "an" if name[0] in "aeiou" else "a"
        raise ValueError(f"Expected {article} {name} of {', '.join(cls)}.")


class Call(_ClosedList):
    """What a reader can say of a film; the finding is the model's."""

    FINDING = "finding"
    NO_FINDING = "no finding"
    UNSURE = "unsure"


class Agreement(_ClosedList):
    """How a reader's call compares with the model's at the operating point."""

    AGREE = "agree"
    OVERRIDE = "override"


class Reason(_ClosedList):
    """Why a reader calls otherwise than the model. A closed list: free text could hold a name."""

    ARTEFACT = "artefact or device"
    OLD_FINDING = "old finding"
    FILM_QUALITY = "film quality"
    OTHER_DISEASE = "other disease"
    HEATMAP_ELSEWHERE = "heatmap elsewhere"
    CLINICAL_KNOWLEDGE = "clinical knowledge"
    OTHER = "other"


class RegionLabel(_ClosedList):
    """What a reader says of a region drawn on a film; the finding is the model's."""

    FINDING = "finding"
    MISSED = "missed by the heatmap"
    NOTHING = "nothing there"
    OTHER = "other"


class RegionShape(_ClosedList):
    """What a region is drawn as: its box, or the ellipse that fills the box."""

    BOX = "box"
    ELLIPSE = "ellipse"
