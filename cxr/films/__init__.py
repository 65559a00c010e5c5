"""A file becomes a film: pictures, DICOM and archives are read, and brought to an input."""

__all__: list[str] = []
