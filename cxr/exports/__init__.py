"""Exports of predictions and heatmaps: tables, pictures, PDF and DICOM.

The libraries that write PDF and DICOM are loaded when an export is made, not with this package.
"""

from .dicom import to_dicom_zip, to_secondary_capture, to_structured_report
from .item import Item, call_words, items_of
from .pdf import to_pdf
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
    "Item",
    "call_words",
    "check_format",
    "csv_lines",
    "items_of",
    "read_rows",
    "rows_of",
    "to_csv",
    "to_dicom_zip",
    "to_json",
    "to_pdf",
    "to_secondary_capture",
    "to_structured_report",
    "write_overlay",
    "write_rows",
]
