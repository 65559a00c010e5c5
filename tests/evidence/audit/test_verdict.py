"""Sentences where a method fails a check, and none where it does not."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from cxr.evidence.audit.store import BOXES, COLUMNS, REFERENCE, SANITY
from cxr.evidence.audit.verdict import (
    EQUAL,
    SIMILAR,
    Outcome,
    checks,
    checks_table,
    failures,
    verdicts,
)
from cxr.heatmaps.methods import METHODS


def row(measure: str, value: float, low=math.nan, high=math.nan, **others) -> dict:
    facts = {"weights": "w", "kind": SANITY, "films": "validation", "method": "gradcam++"}
    facts |= {"layer": "conv", "stage": math.nan, "n": 32}
    return facts | {"measure": measure, "value": value, "low": low, "high": high} | others


SOUND = {
    "flat_maps": row("flat_maps", 0),
    "start": row("randomization_rank", 0.9, stage=0.1),
    "end": row("randomization_rank", 0.1, 0.0, 0.2, stage=1.0),
    "flip": row("flip_rank", 0.9, 0.8, 0.95),
    "share": row("edge_share", 0.1, 0.05, 0.15),
    "even": row("edge_area", 0.36),
    "deletion": row("deletion_gain", 0.1, 0.02, 0.2),
    "insertion": row("insertion_gain", 0.1, 0.02, 0.2),
    "reference": row("reference_difference", 1e-6, kind=REFERENCE),
    **{
        name: row(f"{name}.hit_rate_difference", 0.2, 0.1, 0.3, kind=BOXES, films="test")
        for name in ("centre", "mean", "random")
    },
}


def table(**changes: dict) -> pd.DataFrame:
    rows = {name: values | changes.get(name, {}) for name, values in SOUND.items()}
    return pd.DataFrame(rows.values())[COLUMNS]


def test_a_sound_method_fails_nothing():
    assert failures(table()) == []
    assert failures(pd.DataFrame(columns=COLUMNS)) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"end": {"value": 0.71}},
            "Grad-CAM++: hardly changes when the weights are randomized (rank correlation 0.71 at "
            "the end, 32 films): do not trust it as an explanation of what was learned.",
        ),
        ({"end": {"n": 0, "value": math.nan}}, "no film had a map both before and after."),
        ({"deletion": {"low": 0.0}}, "taking away what it points at is not shown to lower the"),
        ({"deletion": {"low": -0.1}}, "(gain 0.100, -0.100 to 0.200, 32 films)."),
        ({"insertion": {"low": math.nan, "n": 1}}, "random parts (no interval, 1 film)."),
        (
            {"share": {"value": 0.5, "low": 0.4}},
            "50 % of it lies on the outer tenth of the film, where an even map would have 36 %",
        ),
        ({"flip": {"value": 0.3}}, "does not turn with the film"),
        (
            {"reference": {"value": 0.25, "n": 8}},
            "differs from tf-keras-vis by up to 0.250 of 1 (8 films)",
        ),
        ({"reference": {"value": math.nan, "n": 0}}, "could not be compared with tf-keras-vis"),
        ({"reference": {"value": math.nan}}, "differs from tf-keras-vis"),
        (
            {"mean": {"low": -0.1}},
            "Grad-CAM++: is not shown to hit the boxes of test more often than the mean map of the "
            "other films (difference +20 %, -10 % to +30 %), on 32 films.",
        ),
        (
            {"mean": {"low": -0.1}, "random": {"low": math.nan}},
            "than the mean map of the other films (difference +20 %, -10 % to +30 %) or a random "
            "map (no interval), on 32 films.",
        ),
    ],
)
def test_says_what_fails(changes, sentence):
    (found,) = failures(table(**changes))
    assert found.startswith("Grad-CAM++: ")
    assert sentence in found


def test_only_the_end_of_the_randomization_counts():
    changed = table(start={"value": 0.1}, end={"value": SIMILAR + 0.01})
    assert len(failures(changed)) == 1
    # In whichever order the stages stand.
    assert len(failures(changed.iloc[::-1])) == 1
    assert failures(table(end={"value": SIMILAR})) == []


def test_a_difference_from_the_reference_of_rounding_is_none():
    assert failures(table(reference={"value": EQUAL})) == []
    assert len(failures(table(reference={"value": EQUAL * 1.01}))) == 1


def test_an_edge_that_may_be_even_is_no_failure():
    assert failures(table(share={"value": 0.5, "low": 0.35})) == []


def test_no_film_called():
    none = {"n": 0, "value": math.nan, "low": math.nan}
    found = failures(table(centre=none, mean=none, random=none))
    assert found == [
        "Grad-CAM++: none of the films of test with boxes is called, so none has a map to judge."
    ]


def test_methods_come_in_their_order_each_with_its_title():
    one = table(flip={"value": 0.3})
    other = table(end={"value": 0.8}).assign(method="occlusion", layer="")
    found = failures(pd.concat([one, other]))
    assert [sentence.split(":")[0] for sentence in found] == ["Grad-CAM++", "Occlusion"]


def test_a_layer_is_named_where_there_are_several():
    one = table(flip={"value": 0.3})
    found = failures(pd.concat([one, table().assign(layer="early")]))
    assert [sentence.split(":")[0] for sentence in found] == ["Grad-CAM++ at conv"]


def answers(measured: pd.DataFrame) -> dict[str, str]:
    return {verdict.method: verdict.answer for verdict in verdicts(measured)}


def test_every_method_has_a_verdict():
    found = answers(table())
    assert list(found) == list(METHODS)
    assert found.pop("gradcam++") == "yes"
    assert set(found.values()) == {"not tried"}
    assert set(answers(pd.DataFrame(columns=COLUMNS)).values()) == {"not tried"}


def test_one_failed_check_is_a_no_with_its_reason():
    (verdict,) = [v for v in verdicts(table(flip={"value": 0.3})) if v.method == "gradcam++"]
    assert verdict.answer == "no"
    assert "does not turn with the film" in verdict.reason


def test_a_check_that_could_not_be_done_leaves_it_open():
    (verdict,) = [
        v for v in verdicts(table(end={"n": 0, "value": math.nan})) if v.method == "gradcam++"
    ]
    assert verdict.answer == "not known"
    assert "no film had a map both before and after" in verdict.reason


def test_a_method_that_was_not_put_to_what_another_was_is_not_known():
    """Else the method that was looked at least would hold up best."""
    other = table().assign(method="occlusion")
    other = other[other["kind"] != BOXES]
    found = {v.method: v for v in verdicts(pd.concat([table(), other]))}
    assert found["gradcam++"].answer == "yes"
    assert found["occlusion"].answer == "not known"
    assert "in boxes of test" in found["occlusion"].reason
    # How a method was published is no question of a method that is not in tf-keras-vis.
    other = table().assign(method="occlusion")
    assert answers(pd.concat([table(), other[other["kind"] != REFERENCE]]))["occlusion"] == "yes"


def test_checks_are_a_row_per_method_and_layer():
    early = table(flip={"value": 0.3}).assign(layer="early")
    found = checks_table(pd.concat([table(), early])).set_index("method")
    assert list(found.index) == ["Grad-CAM++ at conv", "Grad-CAM++ at early"]
    assert found["mirrored film"].tolist() == ["passed", "failed"]
    assert found["as published"].tolist() == ["passed", "passed"]
    none = table()
    none = none[none["measure"] != "flip_rank"]
    assert checks_table(none)["mirrored film"].tolist() == ["not done"]
    assert checks_table(pd.DataFrame(columns=COLUMNS)).empty
    assert {check.outcome for check in checks(table())} == {Outcome.PASSED}
