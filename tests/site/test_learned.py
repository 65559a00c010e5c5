"""Films that a model learned from, in a site's films."""

import pandas as pd

from cxr.site.learned import LEARNED, without_learned
from cxr.site.truth import Matched, Remark

BEFORE = Remark("left_out", "1 film left out by their label.", ("x.png",))


def given(*hashes: str) -> tuple[pd.DataFrame, Matched]:
    names = [f"{k}.png" for k in range(len(hashes))]
    films = pd.DataFrame({"film": range(len(names)), "path": names, "truth": 1})
    return films.assign(sha256=hashes, phash=""), Matched(films, remarks=(BEFORE,))


def test_they_are_left_out_and_told_of(made_bundle):
    learned = made_bundle.films.groupby("split")["sha256"].first()
    table, matched = given(learned["train"], learned["test"], learned["validation"], "", "f" * 64)
    films, told = without_learned(made_bundle, table, matched)
    assert films["path"].tolist() == told.films["path"].tolist() == ["1.png", "3.png", "4.png"]
    assert films.index.tolist() == [0, 1, 2]
    before, remark = told.remarks
    assert before is BEFORE
    assert (remark.code, remark.names) == (LEARNED, ("0.png", "2.png"))


def test_copies_are_known_by_their_fingerprints(made_bundle):
    learned = made_bundle.films.groupby("split")["phash"].first()
    table, matched = given("", "", "f" * 64)
    table["phash"] = [f"{learned['train'][:-1]}0", "", "5" * 64]
    films, _ = without_learned(made_bundle, table, matched)
    assert films["path"].tolist() == ["1.png", "2.png"]


def test_where_there_are_none_nothing_is_said(made_bundle):
    table, matched = given("", "f" * 64)
    films, told = without_learned(made_bundle, table, matched)
    assert films is table
    assert told is matched
