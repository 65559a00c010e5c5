"""Files that are whole or not there: hashes, the one atomic writer."""

__all__: list[str] = []
