import gc
import threading
from weakref import ref

import numpy as np
import pytest

import cxr.lungs.once
from cxr.films.radiograph import Radiograph
from cxr.lungs.once import find_once, has_lung_network
from cxr.lungs.segment import NO_LUNGS, LungsError, Search


def film():
    return Radiograph(np.zeros((200, 200), np.float32))


@pytest.fixture
def sought(monkeypatch):
    """Stands in for the network; lists what it was asked for."""
    asked = []

    def find(film, network):
        asked.append((film.sha256, network.folder))
        return Search(None, NO_LUNGS)

    monkeypatch.setattr(cxr.lungs.once, "find_lungs", find)
    return asked


def test_a_film_is_searched_once_by_all_threads_together(sought, tmp_path):
    one = film()
    threads = [threading.Thread(target=find_once, args=(one, tmp_path)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert find_once(one, tmp_path).remark is NO_LUNGS
    assert len(sought) == 1


def test_another_folder_of_models_has_a_network_of_its_own(sought, tmp_path):
    one = film()
    find_once(one, tmp_path / "a")
    find_once(one, tmp_path / "b")
    assert [folder.parent.name for _, folder in sought] == ["a", "b"]


def test_what_was_found_goes_with_the_film(sought, tmp_path):
    one = film()
    find_once(one, tmp_path)
    gone = ref(one)
    del one
    gc.collect()
    assert gone() is None
    assert not cxr.lungs.once._searches


def test_without_a_network_it_is_told_each_time(tmp_path):
    one = film()
    assert not has_lung_network(tmp_path)
    for _ in range(2):
        with pytest.raises(LungsError):
            find_once(one, tmp_path)
