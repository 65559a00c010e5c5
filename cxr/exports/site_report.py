"""What a site has proven, as a PDF and as JSON."""

from __future__ import annotations

import json

from ..site.report import SiteReport, report_of

__all__ = ["site_report_json", "site_report_pdf"]


def site_report_json(report: SiteReport) -> str:
    """Return a report as JSON, see `cxr.site.report.report_of`."""
    return json.dumps(report_of(report), indent=1, allow_nan=False) + "\n"


def site_report_pdf(report: SiteReport) -> bytes:
    """Set a report as a PDF in A4. It names no film, no patient and no file.

    Every page carries the intended use and its number.
    """
    from .site_sheets import SiteSheets

    pages = SiteSheets(report, 1).set().page_no()
    return bytes(SiteSheets(report, pages).set().output())
