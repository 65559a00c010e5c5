"""Monitoring: the log of what was scored and what readers said, and what can be measured from it.

>>> from cxr.monitoring import Agreement, Call, Reading, Readings, Reason, new_list_id
>>> log = Readings()  # CXR_READINGS_URL, or a file in the user's data folder
>>> reading = Reading.of(prediction, finding="pneumonia", list_id=new_list_id(), film_sha256=sha)
>>> log.scored(reading)
>>> reading = log.called(reading, Call.FINDING, blind=True)
>>> log.judged(reading, Agreement.OVERRIDE, Reason.ARTEFACT)

The log holds hashes, scores and words of closed lists: no name, no identifier, no file name, no
pixel. Where people sign in it holds a pseudonym of the reader, and an audit trail of who signed in
and out, opened which film and took which along.
"""

from .._moved import forwarded
from ..scoring.reader import Agreement, Call, Reason
from .late import Backlog, LateReadings, Receipt
from .log import (
    COLUMNS,
    EXPORTED_COLUMNS,
    OPENED_COLUMNS,
    REGION_COLUMNS,
    SIGN_IN_COLUMNS,
    Readings,
    film_numbers,
)
from .reading import (
    AGREEMENTS,
    CALLS,
    REASONS,
    Reading,
    ReadingsError,
    agreement_of,
    new_list_id,
)
from .regions import REGION_EVENTS, RegionEntry
from .schema import EVENTS
from .trail import SIGN_IN_EVENTS, Exported, Opened, SignIn

__all__ = [
    "AGREEMENTS",
    "CALLS",
    "COLUMNS",
    "EVENTS",
    "EXPORTED_COLUMNS",
    "OPENED_COLUMNS",
    "REASONS",
    "REGION_COLUMNS",
    "REGION_EVENTS",
    "SIGN_IN_COLUMNS",
    "SIGN_IN_EVENTS",
    "Agreement",
    "Backlog",
    "Call",
    "Exported",
    "LateReadings",
    "Opened",
    "Reading",
    "Readings",
    "ReadingsError",
    "Reason",
    "Receipt",
    "RegionEntry",
    "SignIn",
    "agreement_of",
    "film_numbers",
    "new_list_id",
]

# In version 0.1 this was the module that is now `measures`.
__getattr__ = forwarded(__name__, "measures")
