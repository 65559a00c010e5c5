from __future__ import annotations

from pathlib import Path

import pytest

import cxr
from cxr.films.radiograph import RadiographError, read
from cxr.scoring.bundle import Bundle, BundleError
from cxr.storage.stand_ins import stand_in, stand_in_at
from tests.bundles import copy_bundle
from tests.conftest import ROOT

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (LFS, "git lfs pull"),
        (b"/annex/objects/MD5-s1--0\n", "git annex get"),
        (b"\n <!DOCTYPE html>\n<html>", "web page"),
        (b"<HTML>", "web page"),
        (b"version 2", None),
        (b"{}", None),
        (b"\x89HDF", None),
        (b"", None),
    ],
)
def test_what_stands_for_a_file_is_named(start, words, tmp_path):
    (tmp_path / "file").write_bytes(start)
    for said in (stand_in(start), stand_in_at(tmp_path / "file")):
        assert said is None if words is None else words in said


def test_of_a_file_that_is_not_there_nothing_is_said(tmp_path):
    assert stand_in_at(tmp_path / "none") is None
    assert stand_in_at(tmp_path) is None


def test_a_film():
    with pytest.raises(RadiographError, match="Git LFS pointer"):
        read(LFS)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return copy_bundle(ROOT / "models" / "pneumonia-small-cnn", tmp_path / "pneumonia-small-cnn")


def test_weights(bundle: Path):
    Bundle.load(str(bundle)).weights_path.write_bytes(LFS)
    with pytest.raises(BundleError, match="Git LFS pointer"):
        cxr.load(str(bundle))


def test_a_card(bundle: Path):
    (bundle / "card.json").write_bytes(LFS)
    with pytest.raises(BundleError, match="Git LFS pointer"):
        cxr.load(str(bundle))
