"""Hashes of files and bytes."""

from __future__ import annotations

import hashlib

import pytest

from cxr.storage.hashes import bytes_hash, file_hash


@pytest.mark.parametrize("content", [b"", b"film", bytes(range(256)) * 5000])
def test_are_sha256(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    assert file_hash(tmp_path / "a") == bytes_hash(content) == hashlib.sha256(content).hexdigest()


def test_a_missing_file(tmp_path):
    with pytest.raises(OSError, match="none"):
        file_hash(tmp_path / "none")
