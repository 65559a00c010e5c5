"""The parts of the pages that Streamlit does not have, such as the film viewer and the worklist.

The only part of `cxr` that imports Streamlit.
"""

from ..reading_room.session import ReadingSession
from .address import among, asked, has_come, in_address, number_within, on_page, put
from .call import call_view
from .compare import beside_of, compare_view
from .evidence import (
    folds_view,
    gate_view,
    near_duplicates_view,
    pictures_view,
    shift_view,
    steadiness_view,
)
from .explained import explanations_view
from .exports import export_view
from .film import empty_field, film_view
from .films import film_grid, film_list
from .findings import finding_view
from .link import link_of, linked_film, open_linked
from .look import theme
from .measures import choose_threshold, show_rates, show_values
from .methods import method_view
from .model_label import label_view
from .overview import overview_button
from .page import (
    bundle,
    bundles,
    cards,
    choose_finding,
    choose_model,
    choose_models,
    choose_readers,
    damage_told,
    header,
    navigated,
    not_for_this_role,
    plot,
    show_damaged,
    stop_without_readers,
)
from .plain_text import code_span, plain, plain_cells, plain_json, plain_table
from .prior import ahead_of, current_of, prior_of, prior_said
from .reading_list import add_films, first_film_ahead, first_score, reading_list, start_view
from .reading_session import reading_session, readings, recorder
from .regions import drawing_of
from .score import score_view
from .sign_in import opens, signed_in
from .site_choices import Chosen, band_step, threshold_step, waiting_step
from .site_file import at_site, choose_site, keep_site, kept_site, site_facts
from .site_films import films_step, site_session
from .site_report import report_step, report_waits
from .site_result import readers_view, result_step
from .site_truth import scores_step, truth_step
from .study import study_view
from .trail import backlog_view, trail_allows
from .work import table_key, worked_out

__all__ = [
    "Chosen",
    "ReadingSession",
    "add_films",
    "ahead_of",
    "among",
    "asked",
    "at_site",
    "backlog_view",
    "band_step",
    "beside_of",
    "bundle",
    "bundles",
    "call_view",
    "cards",
    "choose_finding",
    "choose_model",
    "choose_models",
    "choose_readers",
    "choose_site",
    "choose_threshold",
    "code_span",
    "compare_view",
    "current_of",
    "damage_told",
    "drawing_of",
    "empty_field",
    "explanations_view",
    "export_view",
    "film_grid",
    "film_list",
    "film_view",
    "films_step",
    "finding_view",
    "first_film_ahead",
    "first_score",
    "folds_view",
    "gate_view",
    "has_come",
    "header",
    "in_address",
    "keep_site",
    "kept_site",
    "label_view",
    "link_of",
    "linked_film",
    "method_view",
    "navigated",
    "near_duplicates_view",
    "not_for_this_role",
    "number_within",
    "on_page",
    "open_linked",
    "opens",
    "overview_button",
    "pictures_view",
    "plain",
    "plain_cells",
    "plain_json",
    "plain_table",
    "plot",
    "prior_of",
    "prior_said",
    "put",
    "readers_view",
    "reading_list",
    "reading_session",
    "readings",
    "recorder",
    "report_step",
    "report_waits",
    "result_step",
    "score_view",
    "scores_step",
    "shift_view",
    "show_damaged",
    "show_rates",
    "show_values",
    "signed_in",
    "site_facts",
    "site_session",
    "start_view",
    "steadiness_view",
    "stop_without_readers",
    "study_view",
    "table_key",
    "theme",
    "threshold_step",
    "trail_allows",
    "truth_step",
    "waiting_step",
    "worked_out",
]
