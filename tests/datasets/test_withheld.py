"""Films that nothing may learn from."""

from __future__ import annotations

from hashlib import sha256

import pandas as pd

from cxr.datasets.withheld import withheld


def odd(name: str) -> bool:
    return int(sha256(name.encode()).hexdigest(), 16) % 2 == 1


def test_half_of_a_site_and_patients_who_were_read_anew_are_left_alone(tmp_path):
    (tmp_path / "nih").mkdir()
    (tmp_path / "nih" / "rsna_labels.csv").write_text("path,patient\nimages/a.png,00012\n")
    names = [f"CHNCXR_{k:04d}_0.jpeg" for k in range(200)]
    table = pd.DataFrame(
        {
            "path": [f"shenzhen_128/normal/{name}" for name in names]
            + ["nih/images/a_1.png", "nih/images/b.png", "tuberculosis/qatar/c.png"],
            "source": ["shenzhen"] * 200 + ["nih", "nih", "qatar"],
            "patient": [*names, "00012", "00013", "00012"],
        }
    )
    left = withheld(table, tmp_path)
    assert list(left[200:]) == [True, False, False]
    assert all(left[k] for k, name in enumerate(names) if odd(name))
    assert all(left[k] for k, name in enumerate(names) if odd(name.removesuffix(".jpeg")))
    assert 20 < (~left[:200]).sum() < 90


def test_without_the_readings_nothing_of_nih_is_withheld(tmp_path):
    table = pd.DataFrame({"path": ["nih/a.png"], "source": ["nih"], "patient": ["1"]})
    assert not withheld(table, tmp_path).any()
