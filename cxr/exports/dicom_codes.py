"""Codes of findings in DICOM exports. Loaded with a DICOM export."""

from __future__ import annotations

import re

from highdicom.sr import CodedConcept

__all__ = ["FINDINGS", "SCHEME", "finding_code"]

#: The private scheme for what the standard has no code for.
SCHEME = "99CXR"
FINDINGS = {
    "pneumonia": CodedConcept("233604007", "SCT", "Pneumonia"),
    "tuberculosis": CodedConcept("154283005", "SCT", "Pulmonary tuberculosis"),
}


def finding_code(finding: str) -> CodedConcept:
    """Return a finding's code; of one without, a private code by its name."""
    value = re.sub("[^a-z0-9]+", "-", finding.lower())[:16]
    return FINDINGS.get(finding) or CodedConcept(value, SCHEME, finding[:64])
