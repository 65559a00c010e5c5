"""Monitoring: what was read, what was refused, and whether films and readers stay the same."""

import time
from collections.abc import Callable
from functools import partial

import streamlit as st

from cxr import figures
from cxr.evidence.comparison import Rate
from cxr.monitoring import Exported, Readings, ReadingsError
from cxr.monitoring.drift import (
    CUTS,
    as_table,
    drifts,
    spread,
)
from cxr.monitoring.measures import (
    agreement,
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
from cxr.monitoring.site_watch import of_site, shares_by_week, watch
from cxr.scoring.site_file import SiteFile
from cxr.stats.wording import count, interval, percent
from cxr.web import (
    among,
    backlog_view,
    bundle,
    choose_model,
    choose_site,
    code_span,
    damage_told,
    has_come,
    header,
    in_address,
    messages,
    plain,
    plain_table,
    plot,
    readings,
    recorder,
    show_rates,
    signed_in,
    theme,
    worked_out,
)

TEN_MINUTES = 600
#: Of the session: up to which entry the log is being read.
READ_TO = "log_read_to"
PERIODS = {"7 days": 7, "30 days": 30, "90 days": 90, "All": None}
KEPT = (
    "Kept of each film: the time, a hash of its pixels, the model and its score or refusal, the "
    "reader's call and reason, where the reader drew a region and what it is, five statistics of "
    "its grey values, and a random number of the list; where people sign in, a pseudonym of the "
    "reader. No name, no identifier, no file name, no picture."
)
INDEX = (
    f"By convention {CUTS[0]} is some drift and {CUTS[1]} much; the mark at each bar is what "
    "chance alone stays under 95 times in 100."
)
PSI = (
    "PSI is the population stability index against this model's validation films. "
    f"{INDEX} Scores also move where more or fewer films have the finding than in validation."
)
PSI_OF_SITE = (
    "PSI is the population stability index against the films that the site's file was made on. "
    f"{INDEX}"
)
KAPPA = (
    "Cohen's kappa of these calls and the operating point, with its 95 % interval: 1 where all "
    "agree, 0 where as many as by chance."
)
NUMBER, DAY = st.column_config.NumberColumn, st.column_config.DateColumn
NUMBERS = {"PSI": NUMBER(format="%.3f", width=90), "by chance up to": NUMBER(format="%.3f")}
WEEKS = {name: NUMBER(format="percent") for name in ("rate", "low", "high")} | {"week": DAY()}
WEEKS |= {name: NUMBER(format="%.2f") for name in ("kappa", "kappa_low", "kappa_high")}


def main() -> None:
    header("Monitoring")
    try:
        log = readings()
    except ReadingsError as error:
        backlog_told()
        st.error(plain(error))
        return
    backlog_told()
    try:
        show_log(log)
    except ReadingsError as error:
        st.session_state.pop(READ_TO, None)
        st.error(plain(error))


def backlog_told() -> None:
    """Say what is not recorded yet, also where the log cannot be read."""
    try:
        backlog_view(recorder().backlog)
    except ReadingsError:
        return  # of the address: the page says so


def show_log(log: Readings) -> None:
    if not log.enabled:
        st.info(messages.LOG_OFF)
        return
    left, middle, right = st.columns([2, 2, 1.4])
    with left:
        card = choose_model("monitoring_model")
        site_place = st.container()
    site, _ = choose_site([card], "monitoring_site", site_place)
    in_address("period", "monitoring_period", "90 days", among(PERIODS))
    period = middle.segmented_control("Period", PERIODS, required=True, key="monitoring_period")
    days = PERIODS[period]
    # What was noted since is read anew, and what has grown too old is left out in time.
    now = int(time.monotonic() // TEN_MINUTES)
    # While it is being read: what is noted meanwhile would have it begin again and again. But who
    # was elsewhere meanwhile, calling films, wants to see that.
    if has_come():
        st.session_state.pop(READ_TO, None)
    newest = st.session_state.setdefault(READ_TO, log.newest())
    table = worked_out("Reading the log", partial(log.recent, days), log.where, newest, days, now)
    if table is None:
        return
    del st.session_state[READ_TO]
    if table.empty:
        st.info(messages.no_readings_within(period) if log.newest() else messages.NO_READINGS)
    else:
        right.download_button(
            "CSV of the log",
            handed_out("readings", log.to_csv),
            "readings.csv",
            "text/csv",
            width="stretch",
        )
        right.download_button(
            "CSV of the regions",
            handed_out("regions_log", log.regions_csv),
            "regions.csv",
            "text/csv",
            width="stretch",
            help="What readers drew on films, as shares of the film, with the hash of its pixels",
        )
        st.subheader("Use", anchor=False)
        plot(figures.use_by_day(use(table), films_read(table), theme=theme()), "use")
        ours, others = of_model(table, card.name, card.weights.sha256)
        if others:
            st.caption(
                f"Left out below, of other weights of {plain(card.name)}: {others:,} entries."
            )
        if ours.empty:
            st.info(messages.no_readings_by(card.name))
        else:
            show_refusals(ours)
            if site:
                show_site(ours, card, site)
            else:
                show_agreement(ours)
                show_drift(ours, card)
    st.caption(f"The log is in {code_span(log.where)}. {KEPT}")


def handed_out(form: str, make: Callable[[], str]) -> Callable[[], str]:
    """Return what makes a file of the log, and has the audit trail know who took it along."""
    who = signed_in().pseudonym

    def made() -> str:
        content = make()
        if who:
            recorder().exported(Exported(reader=who, form=form))
        return content

    return made


def show_refusals(table) -> None:
    st.subheader("Refusals", anchor=False)
    left, right = st.columns([1, 1.6])
    with left:
        rates = refusal_rates(table)
        show_rates(rates)
        st.caption(f"Films: {n_text(rates[0].whole)}")
        others, overridden = other_ages(table)
        if others:
            scored = f"; {overridden:,} were scored all the same" if overridden else ""
            st.caption(f"Besides, {count(others)} of another age than the model reads{scored}.")
    shares = refusals(table)
    with right:
        if shares.empty:
            st.caption("No film was refused.")
        else:
            plot(figures.refusal_shares(shares, theme=theme()), "refusals")


def show_agreement(table) -> None:
    st.subheader("Readers and the operating point", anchor=False)
    st.caption(
        "A call that was made after the score was seen leans towards it: both are counted apart."
    )
    for column, blind in zip(st.columns(2), (True, False), strict=True):
        summary = agreement(table, blind=blind)
        with column:
            st.markdown(f"Called **{summary.when}** the score was shown: {n_text(summary.n)}")
            show_rates(summary.rates)
            st.caption(summary.text, help=KAPPA if blind else None)
    weeks, why = by_week(table), reasons(table)
    if not weeks["n"].any():
        st.caption(messages.NO_CALLS)
        return
    left, right = st.columns([1.6, 1])
    with left:
        plot(figures.agreement_by_week(weeks, theme=theme()), "agreement")
    with right:
        st.caption(f"{why['films'].sum():,} scores were overridden once they were seen")
        if not why.empty:
            st.dataframe(plain_table(why), hide_index=True)
    with st.expander("Week by week"):
        st.dataframe(weeks, hide_index=True, column_config=WEEKS)


def show_site(table, card, site: SiteFile) -> None:
    """Show whether the films still are like those of a site's file."""
    st.subheader(f"Films of the site {plain(site.site)}", anchor=False)
    ours = of_site(table, site)
    if ours.empty:
        st.info(messages.no_readings_at_site(site.site))
        return
    watched = watch(table, site, bundle(card))
    if watched.premise_fails:
        st.warning(messages.premise_fails(watched.moved))
    elif watched.enough:
        st.caption(messages.PREMISE_HOLDS)
    else:
        st.caption(messages.too_few_to_tell(watched.n))
    above = Rate(
        "Above the point", "Share of films at or above the threshold", watched.above, watched.n
    )
    show_rates([above])
    st.caption(
        f"Expected {percent(watched.expected)} ({interval(watched.expected_ci, '.1%')}), as among "
        f"the site's own {count(site.films.n)}. Films: {n_text(watched.n)}"
    )
    if watched.n:
        weeks = shares_by_week(table, site)
        plot(figures.shares_by_week(weeks, watched.expected, theme=theme()), "site_shares")
    show_agreement(ours)
    show_drift(table, card, site)


def show_drift(table, card, site: SiteFile | None = None) -> None:
    st.subheader("Drift", anchor=False)
    measured = drifts(of_site(table, site) if site else table, bundle(card), site)
    left, right = st.columns([1.2, 1])
    with left:
        plot(figures.drift_bars(measured, theme=theme()), "drift")
    with right:
        scores = spread(table, bundle(card), site)
        threshold = (site.point() if site else card.operating_point()).threshold
        plot(figures.score_spread(scores, threshold, theme=theme()), "spread")
    st.dataframe(as_table(measured), hide_index=True, column_config=NUMBERS, placeholder="too few")
    st.caption(PSI_OF_SITE if site else PSI)


with damage_told():
    main()
