"""The label of a model: what must be known before it is used."""

from __future__ import annotations

import dataclasses

import pytest

from cxr.datasets.published import SOURCES
from cxr.evidence import model_label
from cxr.scoring.card import DataSet, Imported
from cxr.scoring.population import INTENDED_USE
from cxr.training.recipes import RECIPES
from tests.cards import POINT, TEST, a_card


def value(card, fact: str, **options) -> str:
    return model_label.label(card, **options).set_index("fact")["value"][fact]


def with_external(card, **sets: tuple[str, ...]):
    recipe = dataclasses.replace(RECIPES["pneumonia-grey-cnn"], external=sets)
    evaluation = card.evaluation | {name: dataclasses.replace(TEST, split=name) for name in sets}
    return dataclasses.replace(card, recipe=recipe, evaluation=evaluation)


def test_the_label_says_what_for_for_whom_and_at_which_threshold():
    card = a_card(evaluation={"test": TEST})
    assert card.finding in value(card, "What for")
    assert INTENDED_USE in value(card, "What for")
    assert value(card, "For whom").lower() == card.population.lower()
    assert value(card, "Positive at").startswith(f"{POINT.threshold:.3f} or above ({POINT.name})")


def test_the_figures_leave_out_the_films_that_the_threshold_was_chosen_on():
    validation = dataclasses.replace(TEST, split="validation")
    card = a_card(evaluation={"validation": validation, "test": TEST})
    table = model_label.figures(card)
    assert table["films of"].tolist() == ["test"]
    assert table["sensitivity"].tolist() == ["0.944 (0.876 to 0.976)"]
    assert model_label.figures(a_card(evaluation={})).empty


def test_a_model_that_was_never_scored_was_tried_on_nothing():
    (said,) = model_label.not_tried(a_card(evaluation={}))
    assert said.startswith("Any film")


@pytest.mark.parametrize("left_out", [True, False])
def test_films_of_other_sources_count_as_tried_where_sources_were_left_out(left_out):
    card = a_card(evaluation={"test": TEST})
    said = " ".join(model_label.not_tried(card, left_out=left_out))
    assert ("source that it did not learn from" in said) == (not left_out)
    assert f"not {card.population}." in said
    assert f"other than {card.finding}" in said


def test_an_external_set_of_its_population_counts_as_tried_and_of_another_is_named():
    card = a_card(evaluation={"test": TEST})
    of = {source.population: name for name, source in SOURCES.items()}
    same = of.get(card.population) or "kermany"
    card = dataclasses.replace(card, population=SOURCES[same].population)
    said = " ".join(model_label.not_tried(with_external(card, other=(f"{same}/normal",))))
    assert "source that it did not learn from" not in said
    other = next(name for people, name in of.items() if people != card.population)
    said = " ".join(model_label.not_tried(with_external(card, other=(f"{other}/normal",))))
    assert "source that it did not learn from" in said
    assert f"neither {card.population} nor {SOURCES[other].population}" in said


def test_an_imported_model_does_not_say_what_it_learned_from():
    card = a_card(evaluation={"test": TEST})
    origin = Imported("m.json", "0" * 64, "w.h5", "0" * 64, "sigmoid", False, (), 0.1, 1)
    training = dataclasses.replace(card.training, imported=origin)
    # The set is what the operating points were chosen on.
    data = DataSet("kermany", "Kermany films", "", "", "CC BY 4.0", ())
    said = value(dataclasses.replace(card, training=training, data=data), "Learned from")
    assert "Kermany" not in said
    assert "Kermany" in value(dataclasses.replace(card, data=data), "Learned from")
