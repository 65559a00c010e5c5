"""What a card says in tables."""

from __future__ import annotations

import dataclasses

import pytest

from cxr.evidence import card_tables
from cxr.scoring.card import Architecture, Base, DataSet, GateFacts, GateFigures, Imported
from cxr.scoring.picture_check import picture_check
from cxr.storage.models import models_folder
from cxr.training.recipes import RECIPES
from tests.cards import POINT, SHA256, TEST, a_card


def value(table, fact: str) -> str:
    return table.set_index("fact")["value"][fact]


def test_models_are_compared_by_their_test_figures():
    other = a_card("tuberculosis", evaluation={}, architecture=Architecture("thumbnail", {}, 1025))
    one, none = card_tables.models([a_card(), other]).to_dict("records")
    assert (one["model"], one["test films"]) == ("pneumonia-made", 336)
    assert one["sensitivity"] == "0.944 (0.876 to 0.976)"
    assert one["AUC"] == one["specificity"] == "none"
    assert one["operating point"] == POINT.name
    assert (none["model"], none["parameters"]) == ("tuberculosis-made (baseline)", "1,025")
    assert none["AUC"] == none["sensitivity"] == none["specificity"] == "none"


def test_splits_have_a_row_each():
    external = dataclasses.replace(TEST, split="nih", n=12, auc=0.9, auc_ci=(0.8, 0.95))
    table = card_tables.splits(a_card(evaluation={"test": TEST, "nih": external}))
    assert table["films of"].tolist() == ["test", "nih"]
    assert table["n"].tolist() == [336, 12]
    assert table["AUC"].tolist() == ["none", "0.900 (0.800 to 0.950)"]
    assert table["accuracy"][0] == "0.944 (0.876 to 0.976)"


def test_the_default_operating_point_is_marked():
    table = card_tables.operating_points(a_card())
    assert table["name"].tolist() == [f"{POINT.name} (default)", "other"]
    assert table["near"][0] == "0.300 to 0.550"
    assert table["films"].tolist() == [288, 288]


@pytest.mark.parametrize("figures", [None, dataclasses.replace(TEST, sensitivity=None)])
def test_rates_that_were_not_measured_are_said_so(figures):
    assert card_tables.rates(figures, ".1%", "no such films") == ("no such films",) * 2


def test_weights_that_are_an_average_say_so_and_a_short_run_has_seconds():
    recipe = RECIPES["pneumonia-efficientnet-lite0"]
    plain = a_card()
    run = dataclasses.replace(plain.training, kept_epoch=8, wall_seconds=23.0, versions={})
    table = card_tables.facts(dataclasses.replace(plain, recipe=recipe, training=run))
    assert value(table, "Epochs") == "8; the weights are the average of epochs 5 to 8"
    assert value(table, "Training time") == "23 seconds"
    assert value(table, "Made with") == "not recorded"


def test_facts_of_a_model_trained_here():
    base = Architecture("vgg16_transfer", {}, 1, Base("VGG16", "ImageNet"))
    table = card_tables.facts(a_card(architecture=base))
    assert value(table, "Architecture") == "vgg16_transfer on VGG16 with its ImageNet weights"
    assert value(table, "Epochs") == "8; the weights are of epoch 6"
    assert "not counted" in value(table, "Training time")
    assert value(table, "Made with") == "python 3.11.7, keras 3.15.1"
    assert value(table, "Weights (SHA-256)") == SHA256


def test_facts_of_an_imported_model_name_its_files_once_and_no_epochs():
    card = a_card()
    origin = Imported("net.h5", SHA256, "net.h5", SHA256, "softmax", False, (), 0.1, 0)
    training = dataclasses.replace(card.training, imported=origin)
    data = DataSet("kermany", "Kermany films", "", "", "CC BY 4.0", ())
    table = card_tables.facts(dataclasses.replace(card, training=training, data=data))
    assert not {"Epochs", "Training time"} & set(table["fact"])
    assert value(table, "Imported from") == "net.h5"
    assert value(table, "Operating points on") == "Kermany films, CC BY 4.0"


def test_gate_figures_have_their_interval_in_two_columns():
    measured = GateFigures("nih", 100, 4, 0.04, (0.01, 0.1), "frontal")
    gate = GateFacts("gate.npz", SHA256, ("a",), ("kermany",), 0, (measured,))
    table = card_tables.gate_figures(a_card(gate=gate))
    assert table.to_dict("records") == [
        {"films": "nih", "n": 100, "refused": 4, "share": 0.04, "low": 0.01, "high": 0.1,
         "how": "frontal"},
    ]  # fmt: skip
    assert card_tables.gate_figures(a_card()).empty


def test_what_the_picture_check_tells_has_a_row_for_each_set():
    check = picture_check(models_folder())
    table = card_tables.picture_figures(check)
    assert len(table) == len(check.measured) > 20
    assert (table["share"] == table["told"] / table["n"]).all()
    assert (table["low"] <= table["share"]).all()
    assert (table["share"] <= table["high"]).all()
    made = table[table["shown as"].isin(["two films", "screenshot", "photo"])]
    assert (made["with the gate"] >= made["told"]).all()
    assert table.loc[table["shown as"] == "film", "with the gate"].isna().all()
    part = table.set_index("films")["part in the fit"]
    assert part["not_chest"] == "learned from"
    assert set(part[part.index.str.endswith(", validation")]) == {"thresholds set on"}
    assert set(part[["kermany test", "nih", "lateral"]]) == {"none"}


def test_a_picture_check_that_was_not_measured_has_no_rows():
    check = dataclasses.replace(picture_check(models_folder()), measured=())
    table = card_tables.picture_figures(check)
    assert table.empty
    assert "share" in table
