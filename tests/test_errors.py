"""The package's exceptions, and what a log says of them."""

import pytest

from cxr import BundleError, CardError, RadiographError
from cxr.cli.commands import UsageError
from cxr.datasets.folders import DatasetError
from cxr.errors import CxrError, fault
from cxr.heatmaps.sweep import StoppedError
from cxr.monitoring import ReadingsError
from cxr.networks.bases import BaseError
from cxr.networks.pretrained import WeightsError
from cxr.scoring.explain import RefusedError
from cxr.training.legacy.steps import LegacyError
from cxr.training.run import TrainingError

VALUES = [
    BaseError, BundleError, CardError, DatasetError, LegacyError, RadiographError, RefusedError,
    UsageError, WeightsError,
]  # fmt: skip


@pytest.mark.parametrize("kind", VALUES)
def test_every_error_is_one_of_the_package_and_of_its_old_base(kind):
    assert issubclass(kind, CxrError)
    assert issubclass(kind, ValueError)


@pytest.mark.parametrize("kind", [ReadingsError, StoppedError, TrainingError])
def test_errors_of_what_runs_are_runtime_errors(kind):
    assert issubclass(kind, CxrError)
    assert issubclass(kind, RuntimeError)


def test_a_code_is_the_classs_where_none_is_given():
    assert DatasetError("No films.").code == DatasetError.code
    assert DatasetError("No films.", code="empty").code == "empty"
    assert str(DatasetError("No films.", code="empty")) == "No films."


def test_a_log_says_where_it_came_from_and_not_what_it_said():
    from cxr.films.radiograph import read

    with pytest.raises(RadiographError) as caught:
        read(b"Jane Doe")
    told = fault(caught.value)
    assert told.startswith("RadiographError (unreadable) at")
    assert "cxr.films.radiograph:" in told
    assert "picture" not in told


def test_a_log_says_what_caused_it():
    try:
        try:
            {}["Jane Doe"]
        except KeyError as error:
            raise DatasetError("Jane Doe is not there.", code="lost") from error
    except DatasetError as error:
        told = fault(error)
    assert told.startswith("DatasetError (lost)")
    assert "from KeyError" in told
    assert "Jane" not in told
