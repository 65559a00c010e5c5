from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import plotly.io as pio
import pytest
from sklearn.metrics import cohen_kappa_score

from cxr import figures
from cxr.figures.theme import THEMES
from cxr.monitoring import (
    COLUMNS,
    Reading,
    agreement_of,
    new_list_id,
)
from cxr.monitoring.drift import Drift, Spread
from cxr.monitoring.measures import (
    AFTER,
    BEFORE,
    FEW,
    agreement,
    blind_calls,
    by_week,
    films_read,
    n_text,
    of_model,
    other_ages,
    reasons,
    refusal_rates,
    refusals,
    use,
)
from cxr.stats.intervals import wilson

MODEL, WEIGHTS, OTHER_WEIGHTS = "pneumonia-made", "c" * 64, "d" * 64
ONE_LIST, OTHER_LIST = new_list_id(), new_list_id()
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
LONGEST_TITLE = 38


def reading(number: int | None, **changes) -> Reading:
    values = {
        "time": MONDAY, "list_id": ONE_LIST, "model": MODEL, "model_sha256": WEIGHTS,
        "film_sha256": None if number is None else f"{number:064x}", "finding": "pneumonia",
        "operating_point": "youden", "threshold": 0.5, "score": 0.7,
    }  # fmt: skip
    return Reading(**(values | changes))


def refused(number: int | None, code: str = "blank", **changes) -> Reading:
    return reading(number, **({"score": None, "refusal_code": code} | changes))


def said(call: str, blind: bool, number: int, score: float = 0.7, **changes) -> Reading:
    """A call as `Readings.called` notes it."""
    agreed = agreement_of(call, score, 0.5)
    values = {"score": score, "call": call, "call_blind": blind, "agreement": agreed}
    return reading(number, **(values | changes))


def table(*events: tuple[str, Reading]) -> pd.DataFrame:
    """The events as `Readings.table` gives them; a test of its own holds the two together."""
    rows = [{"event": event, **entry.row()} for event, entry in events]
    made = pd.DataFrame(rows, columns=list(COLUMNS))
    texts = [c for c in COLUMNS if c in ("event", "list_id", "film_sha256", "model", "finding")]
    texts += ["model_sha256", "operating_point", "refusal_code", "call", "agreement", "reason"]
    texts += ["reader"]
    numbers = ["threshold", "score", "mean", "spread", "dark", "bright", "sharpness"]
    types = dict.fromkeys(texts, "str") | dict.fromkeys(numbers, "float64")
    types |= dict.fromkeys(["refusal_overridden", "call_blind"], "bool")
    return made.astype(types | {"time": "datetime64[us, UTC]"})


EMPTY = table()


def test_the_tables_here_are_those_of_the_log(tmp_path):
    from cxr.monitoring import Readings

    log = Readings(f"sqlite:///{tmp_path / 'log'}")
    pd.testing.assert_frame_equal(log.table(), EMPTY, check_index_type=False)
    entry = said("finding", True, 1)
    log.scored(entry)
    pd.testing.assert_frame_equal(log.table(), table(("scored", entry)))


# whose events


def test_events_of_other_weights_are_left_out_and_counted():
    events = table(
        ("scored", reading(1)),
        ("scored", reading(2, model_sha256=OTHER_WEIGHTS)),
        ("called", said("finding", True, 2, model_sha256=OTHER_WEIGHTS)),
        ("scored", reading(3, model="pneumonia-other", model_sha256="e" * 64)),
    )
    ours, others = of_model(events, MODEL, WEIGHTS)
    assert ours["film_sha256"].tolist() == [f"{1:064x}"]
    assert others == 2
    ours, others = of_model(events, "tuberculosis-x", "f" * 64)
    assert ours.empty
    assert others == 0


# use


def test_use_counts_each_film_once_a_day_and_list():
    evening, next_day = MONDAY + timedelta(hours=14), MONDAY + timedelta(hours=15)
    events = table(
        ("scored", reading(1)),
        ("scored", reading(1, score=0.2)),
        ("called", said("finding", True, 1)),
        ("called", said("finding", False, 1)),
        ("scored", reading(1, list_id=OTHER_LIST)),
        ("scored", refused(2, time=evening)),
        ("scored", refused(None, "unreadable")),
        ("scored", refused(None, "unreadable")),
        ("scored", reading(3, time=next_day)),
        ("judged", said("finding", False, 1, time=next_day)),
        ("scored", reading(1, model="pneumonia-other", model_sha256=OTHER_WEIGHTS)),
    )
    found = use(events)
    assert found.columns.tolist() == ["day", "model", "films", "refused", "called", "lists"]
    assert found.to_dict("split")["data"] == [
        [pd.Timestamp("2026-03-02"), MODEL, 5, 3, 1, 2],
        [pd.Timestamp("2026-03-02"), "pneumonia-other", 1, 0, 0, 1],
        [pd.Timestamp("2026-03-03"), MODEL, 1, 0, 0, 1],
    ]


def test_use_counts_a_film_as_it_was_scored_last():
    overridden = reading(2, refusal_code="blank", refusal_overridden=True)
    events = table(("scored", refused(2)), ("scored", overridden))
    assert use(events)["refused"].tolist() == [0]


def test_a_call_of_another_day_is_of_its_own_day():
    events = table(
        ("scored", reading(1)),
        ("called", said("finding", True, 1, time=MONDAY + timedelta(days=1))),
    )
    assert use(events)[["films", "called"]].to_numpy().tolist() == [[1, 0], [0, 1]]


def by_both(one: Reading, other: Reading) -> list[tuple[str, Reading]]:
    """A film as two models read it in one list."""
    other = dataclasses.replace(other, model="tuberculosis-made", model_sha256=OTHER_WEIGHTS)
    return [("scored", one), ("scored", other)]


def test_films_that_two_models_read_are_counted_once_and_refused_for_no_age():
    adults = [by_both(refused(i, "age"), reading(i, score=0.4)) for i in range(12)]
    children = [by_both(reading(i), refused(i, "age")) for i in range(12, 15)]
    of_any_age = [by_both(reading(15), reading(15)), by_both(refused(16), refused(16))]
    unread = [by_both(refused(None, "unreadable"), refused(None, "unreadable"))] * 2
    wanted = reading(0, refusal_code="age", refusal_overridden=True)
    elsewhere = reading(1, list_id=OTHER_LIST)
    films = [event for film in (*adults, *children, *of_any_age, *unread) for event in film]
    events = table(*films, ("scored", wanted), ("scored", elsewhere))
    assert films_read(events) == 12 + 3 + 2 + 2 + 1
    counted = use(events).set_index("model")
    assert counted["films"].to_dict() == {MODEL: 3 + 2 + 2 + 2, "tuberculosis-made": 12 + 2 + 2}
    assert counted["refused"].tolist() == [3, 3]
    ours, _ = of_model(events, MODEL, WEIGHTS)
    refused_rate, overridden_rate = refusal_rates(ours)
    assert (refused_rate.part, refused_rate.whole) == (3, 3 + 2 + 2 + 1)
    assert (overridden_rate.part, overridden_rate.whole) == (0, 3)
    assert refusals(ours)["code"].tolist() == ["unreadable", "blank"]
    assert other_ages(ours) == (12, 1)
    assert films_read(EMPTY) == 0


def test_no_use_is_an_empty_table():
    found = use(EMPTY)
    assert found.empty
    assert found.columns.tolist() == ["day", "model", "films", "refused", "called", "lists"]


# refusals


def test_refusals_by_code_with_wilsons_interval():
    overridden = reading(9, refusal_code="too_small", refusal_overridden=True)
    events = table(
        *(("scored", reading(i)) for i in range(5)),
        ("scored", refused(5)),
        ("scored", refused(6, "too_small")),
        ("scored", refused(9, "too_small")),
        ("scored", overridden),
        ("called", said("finding", False, 9, refusal_code="too_small", refusal_overridden=True)),
        ("scored", refused(None, "unreadable")),
        ("scored", refused(None, "unreadable")),
        ("scored", refused(None, "unreadable")),
    )
    found = refusals(events).set_index("code")
    assert found.index.tolist() == ["unreadable", "too_small", "blank"]
    assert found["films"].tolist() == [3, 2, 1]
    assert found["overridden"].tolist() == [0, 1, 0]
    assert set(found["n"]) == {11}
    row = found.loc["unreadable"]
    assert row["share"] == pytest.approx(3 / 11)
    assert (row["low"], row["high"]) == pytest.approx(wilson(3, 11))
    refused_rate, overridden_rate = refusal_rates(events)
    assert (refused_rate.part, refused_rate.whole) == (6, 11)
    assert (overridden_rate.part, overridden_rate.whole) == (1, 6)
    assert refused_rate.interval == pytest.approx(wilson(6, 11))


def test_wilson_against_a_published_value():
    """81 of 263, Newcombe, Statistics in Medicine 17:857, 1998, table I."""
    events = table(
        *(("scored", refused(i)) for i in range(81)),
        *(("scored", reading(i)) for i in range(81, 263)),
    )
    row = refusals(events).iloc[0]
    assert (row["low"], row["high"]) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_no_refusal():
    assert refusals(table(("scored", reading(1)))).empty
    assert refusals(EMPTY).columns.tolist() == [
        "code", "films", "n", "share", "low", "high", "overridden",
    ]  # fmt: skip
    one, other = refusal_rates(EMPTY)
    assert one.value is other.value is None


# agreement


def story() -> pd.DataFrame:
    """Five films: what was said of each before and after its score was shown."""
    return table(
        # Missed by the reader at first, then given in to.
        ("scored", reading(1)),
        ("called", said("no finding", True, 1)),
        ("called", said("finding", True, 1)),
        ("judged", said("no finding", True, 1, agreement="agree")),
        # Said the same throughout.
        ("called", said("finding", True, 2)),
        ("called", said("finding", False, 2)),
        # Called after the score alone, and overridden with a reason.
        ("called", said("finding", False, 3, 0.2)),
        ("judged", said("finding", False, 3, 0.2, reason="film quality")),
        # Unsure both times.
        ("called", said("unsure", True, 4)),
        ("judged", said("unsure", True, 4, agreement="agree")),
        ("called", said("unsure", False, 4)),
        # Refused: there is nothing to agree with.
        ("scored", refused(5)),
        ("called", refused(5, call="finding", call_blind=True)),
        ("called", refused(5, call="finding")),
        # The film below the threshold, rightly left alone.
        ("called", said("no finding", True, 6, 0.49)),
    )


def test_blind_agreement_is_of_each_films_first_blind_call():
    found = agreement(story(), blind=True)
    assert (found.n, found.agreed, found.unsure, found.when) == (3, 2, 1, BEFORE)
    assert found.text == f"{found.kappa.text}, 1 more film unsure"
    agreed, overridden = found.rates
    assert (agreed.part, agreed.whole) == (2, 3)
    assert (overridden.part, overridden.whole) == (1, 3)
    assert agreed.interval == pytest.approx(wilson(2, 3))
    assert "before the score was shown" in agreed.meaning
    assert found.kappa.counts == ((1, 0), (1, 1))
    assert found.kappa.value == pytest.approx(cohen_kappa_score([0, 1, 0], [1, 1, 0]))


def test_other_agreement_is_the_last_word_after_the_score():
    found = agreement(story(), blind=False)
    assert (found.n, found.agreed, found.unsure, found.when) == (3, 2, 1, AFTER)
    assert found.text == "1 more film unsure"
    assert "after the score was shown" in found.rates[1].meaning
    assert found.kappa is None


def test_kappa_of_blind_calls_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    scores, calls = rng.random(120), rng.random(120) < 0.5
    words = np.where(calls, "finding", "no finding")
    events = table(
        *(
            ("called", said(str(w), True, i, float(s)))
            for i, (w, s) in enumerate(zip(words, scores, strict=True))
        )
    )
    found = agreement(events, blind=True)
    assert found.kappa.value == pytest.approx(cohen_kappa_score(calls, scores >= 0.5))
    assert found.agreed == (calls == (scores >= 0.5)).sum()


def test_a_film_of_two_lists_is_called_in_each():
    events = table(
        ("called", said("finding", True, 1)),
        ("called", said("no finding", True, 1, list_id=OTHER_LIST)),
    )
    found = agreement(events, blind=True)
    assert (found.n, found.agreed) == (2, 1)


def test_a_score_at_the_threshold_is_called_the_finding():
    events = table(("called", said("finding", True, 1, 0.5)))
    assert agreement(events, blind=True).kappa.counts == ((0, 0), (0, 1))


def test_few_is_said_under_twenty():
    for n, note in ((FEW - 1, "few"), (FEW, "")):
        events = table(*(("called", said("finding", True, i)) for i in range(n)))
        found = agreement(events, blind=True)
        assert found.note == note
        assert found.rates[0].interval == pytest.approx(wilson(n, n))
    assert (n_text(19), n_text(20), n_text(1234)) == ("n = 19, few", "n = 20", "n = 1,234")
    assert FEW == 20


def test_no_call_is_no_rate():
    for blind in (True, False):
        found = agreement(table(("scored", reading(1))), blind=blind)
        assert (found.n, found.agreed, found.unsure) == (0, 0, 0)
        assert found.rates[0].value is None
    assert agreement(EMPTY, blind=True).kappa.value is None


def test_weeks_begin_on_monday_and_keep_both_kinds_apart():
    sunday, next_monday = MONDAY + timedelta(days=6), MONDAY + timedelta(days=7)
    events = table(
        *(("called", said("finding", True, i)) for i in range(20)),
        ("called", said("no finding", True, 20, time=sunday)),
        ("called", said("finding", True, 21, 0.1, time=next_monday)),
        ("called", said("no finding", False, 22, 0.1, time=sunday)),
        ("called", said("unsure", False, 23, time=next_monday)),
    )
    found = by_week(events)
    assert found["week"].dt.strftime("%Y-%m-%d").tolist() == ["2026-03-02"] * 2 + ["2026-03-09"] * 2
    assert found["called"].tolist() == [BEFORE, AFTER, BEFORE, AFTER]
    assert found["n"].tolist() == [21, 1, 1, 0]
    assert found["agreed"].tolist() == [20, 1, 0, 0]
    assert found["unsure"].tolist() == [0, 0, 0, 1]
    assert found["note"].tolist() == ["", "few", "few", "few"]
    first, other, third, last = found.to_dict("records")
    assert first["rate"] == pytest.approx(20 / 21)
    assert (first["low"], first["high"]) == pytest.approx(wilson(20, 21))
    assert first["kappa"] == pytest.approx(0)
    assert first["kappa_low"] <= 0 <= first["kappa_high"]
    assert third["kappa"] == pytest.approx(0)
    assert np.isnan([other["kappa"], last["rate"], last["low"], last["kappa"]]).all()


def test_a_week_ends_on_sunday_in_utc():
    """Late on Sunday in New York is Monday in UTC."""
    late = datetime.fromisoformat("2026-03-08T21:00:00-05:00")
    found = by_week(table(("called", said("finding", True, 1, time=late))))
    assert found["week"].dt.day.tolist() == [9]


def test_no_weeks():
    found = by_week(EMPTY)
    assert found.empty
    assert not found["n"].any()
    assert {"week", "called", "rate", "kappa", "note"} <= set(found.columns)


def test_reasons_are_counted_of_the_last_word():
    def judged(number: int, reason: str | None) -> tuple[str, Reading]:
        return "judged", said("no finding", True, number, reason=reason)

    events = table(
        judged(1, "film quality"), judged(2, "film quality"), judged(3, "other"), judged(4, None),
        judged(5, "other"), ("judged", said("finding", False, 5)),
        ("called", said("no finding", True, 6)),
    )  # fmt: skip
    found = reasons(events)
    assert found.to_dict("list") == {
        "reason": ["film quality", "other", "not said"],
        "films": [2, 1, 1],
    }
    assert reasons(EMPTY).columns.tolist() == ["reason", "films"]
    assert reasons(EMPTY)["films"].sum() == 0


# figures


MANY_DAYS = table(
    *(("scored", reading(i, time=MONDAY + timedelta(days=i % 3))) for i in range(9)),
    ("scored", refused(20)),
    ("scored", reading(1, model="pneumonia-other", model_sha256=OTHER_WEIGHTS)),
)


DRIFTS = [
    Drift("score", 0.31, 0.12, 500, 300, "much"),
    Drift("mean", 0.11, 0.4, 500, 300, "no more than by chance"),
    Drift("dark", None, None, 0, 300, "not known"),
    Drift("bright", None, None, 500, 12, "too few"),
]
SPREAD = Spread(
    np.linspace(0, 1, 5), np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.1, 0.2, 0.3, 0.4]), 500, 300
)
REFUSALS = refusals(
    table(
        *(("scored", reading(i)) for i in range(40)),
        *(("scored", refused(i, "too_small")) for i in range(40, 46)),
        ("scored", reading(50, refusal_code="blank", refusal_overridden=True)),
    )
)
DRAWN = {
    "use_by_day": lambda **k: figures.use_by_day(use(MANY_DAYS), films_read(MANY_DAYS), **k),
    "refusal_shares": lambda **k: figures.refusal_shares(REFUSALS, **k),
    "agreement_by_week": lambda **k: figures.agreement_by_week(by_week(story()), **k),
    "drift_bars": lambda **k: figures.drift_bars(DRIFTS, **k),
    "drift_bars of little": lambda **k: figures.drift_bars(DRIFTS[2:], **k),
    "score_spread": lambda **k: figures.score_spread(SPREAD, 0.4, **k),
    "score_spread without a threshold": lambda **k: figures.score_spread(SPREAD, **k),
}


def trace(figure, name):
    (found,) = [t for t in figure.data if t.name == name]
    return found


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_figure_wears_the_template_and_a_short_title(name, theme):
    figure = DRAWN[name](theme=theme)
    assert figure.layout.template == pio.templates[f"cxr-{theme}"]
    assert 0 < len(figure.layout.title.text) <= LONGEST_TITLE
    assert figure.layout.width is None
    with pytest.raises(ValueError, match="Expected a theme"):
        DRAWN[name](theme="sepia")


def test_use_is_stacked_by_model_in_its_colour():
    figure = DRAWN["use_by_day"]()
    assert figure.layout.title.text == "10 films read"  # one of them by two models
    ours = trace(figure, MODEL)
    assert list(ours.y) == [4, 3, 3]
    assert ours.marker.color == figures.model_colour(MODEL)
    assert [list(row) for row in ours.customdata] == [[1, 0, 1], [0, 0, 1], [0, 0, 1]]
    assert list(trace(figure, "pneumonia-other").y) == [1]
    assert figure.layout.barmode == "stack"
    first, last = map(pd.Timestamp, figure.layout.xaxis.range)
    assert last - first == pd.Timedelta(days=14)  # so that a bar is not as wide as the page
    with pytest.raises(ValueError, match="Expected a table with rows"):
        figures.use_by_day(use(EMPTY), 0)


def test_refusals_are_drawn_with_their_intervals():
    figure = DRAWN["refusal_shares"]()
    assert figure.layout.title.text == "7 of 47 films refused"
    drawn = trace(figure, "refused")
    assert list(drawn.y) == ["too small, n = 6", "blank, n = 1, 1 scored all the same"]
    assert drawn.x[0] == pytest.approx(6 / 47)
    low, high = wilson(6, 47)
    assert drawn.x[0] + drawn.error_x.array[0] == pytest.approx(high)
    assert drawn.x[0] - drawn.error_x.arrayminus[0] == pytest.approx(low)
    assert figure.layout.xaxis.range[1] >= high


def test_agreement_tells_both_kinds_by_shape():
    weeks = by_week(story())
    figure = DRAWN["agreement_by_week"]()
    before = trace(figure, "before the score was shown")
    after = trace(figure, "after the score was shown")
    assert {BEFORE, AFTER} == {t.name.split(" ")[0] for t in figure.data} == set(weeks["called"])
    assert before.marker.symbol != after.marker.symbol
    assert before.x[0] != after.x[0]
    assert before.y[0] == pytest.approx(2 / 3)
    low, high = wilson(2, 3)
    assert before.y[0] + before.error_y.array[0] == pytest.approx(high)
    assert before.y[0] - before.error_y.arrayminus[0] == pytest.approx(low)
    assert list(before.customdata[0]) == ["02 Mar 2026", 2, 3, low, high, ", few"]
    one_side = figures.agreement_by_week(weeks[weeks["called"] == AFTER])
    assert len(one_side.data) == 1
    with pytest.raises(ValueError, match="Expected a week with a call"):
        figures.agreement_by_week(weeks.assign(n=0))


def test_drift_beyond_chance_is_filled_and_the_cuts_are_drawn():
    figure = DRAWN["drift_bars"]()
    assert figure.layout.title.text == "1 of 2 beyond chance"
    filled, outline = trace(figure, "beyond chance"), trace(figure, "no more than by chance")
    assert list(filled.x) == [0.31]
    assert list(outline.x) == [0.11]
    assert list(filled.y) == ["score 0.31, n = 300"]
    assert filled.marker.color != outline.marker.color
    assert list(trace(figure, "95 % of what chance gives").x) == [0.12, 0.4]
    assert [shape.x0 for shape in figure.layout.shapes] == [0.1, 0.25]
    assert {shape.line.color for shape in figure.layout.shapes} == {THEMES["dark"].accent}
    notes = {note.text: note.y for note in figure.layout.annotations}
    assert {"0.1 some", "0.25 much"} < set(notes)
    assert notes["not known"] == "dark, n = 300"
    assert notes["n = 12, too few"] == "bright, n = 12"
    assert 0.4 < figure.layout.xaxis.range[1] < 0.5
    huge = figures.drift_bars([*DRIFTS, Drift("spread", 3.6, 0.1, 500, 300, "much")])
    assert huge.layout.xaxis.range[1] == 1  # so that the cuts stay apart
    assert "spread 3.60, n = 300" in huge.layout.yaxis.categoryarray
    alone = figures.drift_bars([Drift("score", 0.01, 0.02, 900, 900, "no more than by chance")])
    assert alone.layout.xaxis.range[1] > 0.25
    assert list(figure.layout.yaxis.categoryarray)[-1] == "score 0.31, n = 300"


def test_drift_that_is_not_known_is_drawn_as_words():
    figure = DRAWN["drift_bars of little"]()
    assert figure.layout.title.text == "Drift is not known"
    assert not figure.data
    with pytest.raises(ValueError, match="Expected at least one quantity"):
        figures.drift_bars([])


def test_the_spread_is_drawn_as_shares():
    figure = DRAWN["score_spread"]()
    bars, line = trace(figure, "validation, 500 films"), trace(figure, "logged, 300 films")
    assert list(bars.y) == list(SPREAD.validation)
    assert list(bars.x) == pytest.approx([0.125, 0.375, 0.625, 0.875])
    assert list(line.y) == [0.1, 0.2, 0.3, 0.4, 0.4]
    assert list(line.x) == list(SPREAD.edges)
    assert line.line.shape == "hv"
    (mark,) = figure.layout.shapes
    assert mark.x0 == 0.4
    assert figure.layout.annotations[0].text == "threshold 0.400"
    assert not DRAWN["score_spread without a threshold"]().layout.shapes
    for threshold, anchor in ((0.1, "left"), (0.9, "right"), (0.5, "center")):
        note = figures.score_spread(SPREAD, threshold).layout.annotations[0]
        assert note.xanchor == anchor


def test_figures_do_not_change_what_they_draw():
    weeks, before = by_week(story()), by_week(story())
    figures.agreement_by_week(weeks)
    pd.testing.assert_frame_equal(weeks, before)
    spread = dataclasses.replace(SPREAD)
    figures.score_spread(spread, 0.5)
    assert list(spread.logged) == [0.1, 0.2, 0.3, 0.4]


def test_blind_calls_are_by_film_the_first_of_each_and_the_sure_ones():
    log = table(
        ("called", said("finding", True, 1)),
        ("called", said("no finding", True, 2)),
        ("called", said("unsure", True, 3)),
        ("called", said("finding", False, 4)),
        ("called", said("no finding", True, 1)),
    )
    calls = blind_calls(log)
    assert calls.to_dict() == {f"{1:064x}": 1.0, f"{2:064x}": 0.0}
    assert blind_calls(EMPTY).empty
