"""Exports of predictions and heatmaps: tables, pictures, PDF and DICOM.

The libraries that write PDF and DICOM are loaded when an export is made, not with this package.
"""

from .dicom import (
    to_dicom_zip,
    to_parametric_map,
    to_presentation_state,
    to_secondary_capture,
    to_segmentation,
    to_structured_report,
)
from .item import Item, call_words, items_of
from .pdf import to_pdf
from .regions import THERE, boxes_csv, region_words, regions_csv
from .site_report import site_report_json, site_report_pdf
from .tables import (
    EXPORTED,
    FORMATS,
    check_format,
    csv_lines,
    read_rows,
    rows_of,
    to_csv,
    to_json,
    write_overlay,
    write_rows,
)

__all__ = [
    "EXPORTED",
    "FORMATS",
    "THERE",
    "Item",
    "boxes_csv",
    "call_words",
    "check_format",
    "csv_lines",
    "items_of",
    "read_rows",
    "region_words",
    "regions_csv",
    "rows_of",
    "site_report_json",
    "site_report_pdf",
    "to_csv",
    "to_dicom_zip",
    "to_json",
    "to_parametric_map",
    "to_pdf",
    "to_presentation_state",
    "to_secondary_capture",
    "to_segmentation",
    "to_structured_report",
    "write_overlay",
    "write_rows",
]
