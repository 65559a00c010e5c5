import gc
import threading
from weakref import ref

import numpy as np
import pytest

import cxr.lungs.once
from cxr.films.radiograph import Radiograph
from cxr.lungs.once import find_once, has_lung_network, look_once
from cxr.lungs.segment import NO_LUNGS, LungsError, find_lungs


def film():
    return Radiograph(np.zeros((200, 200), np.float32))


class Network:
    """Sees lungs in every film, or none; lists the pictures that it was asked for."""

    side = 96

    def __init__(self, models, asked, lungs):
        self.models, self.asked, self.lungs = models, asked, lungs

    def __call__(self, picture):
        self.asked.append(self.models)
        logits = np.full(picture.shape, -9.0, np.float32)
        if self.lungs:
            logits[20:70, 10:40] = logits[20:70, 56:86] = 9
        return logits


@pytest.fixture
def sought(monkeypatch):
    """Stands in for the network; lists the folders whose one was asked."""
    asked = []
    monkeypatch.setattr(
        cxr.lungs.once, "network_of", lambda models: Network(models, asked, models.name != "none")
    )
    return asked


def test_a_film_is_searched_once_by_all_threads_together(sought, tmp_path):
    one = film()
    threads = [threading.Thread(target=find_once, args=(one, tmp_path)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert find_once(one, tmp_path).lungs.mask.shape == (200, 200)
    assert len(sought) == 1


def test_a_film_does_not_wait_for_another(monkeypatch, tmp_path):
    together = threading.Barrier(2)

    class Slow(Network):
        def __call__(self, picture):
            together.wait(20)
            return super().__call__(picture)

    monkeypatch.setattr(cxr.lungs.once, "network_of", lambda models: Slow(models, [], lungs=True))
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(look_once(film(), tmp_path))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2


def test_a_look_and_a_search_ask_the_network_once_together(sought, tmp_path):
    one = film()
    (lungs, _), turns = look_once(one, tmp_path)
    found = find_once(one, tmp_path).lungs
    assert turns == 0
    assert lungs.mask.shape == (96, 96)
    assert found.sure == lungs.sure
    assert len(sought) == 1
    alone = find_lungs(one, Network(tmp_path, [], True)).lungs
    np.testing.assert_array_equal(found.zones, alone.zones)


def test_without_lungs_both_say_why(sought, tmp_path):
    one = film()
    assert look_once(one, tmp_path / "none").search.remark is NO_LUNGS
    assert find_once(one, tmp_path / "none").remark is NO_LUNGS


def test_another_folder_of_models_has_a_network_of_its_own(sought, tmp_path):
    one = film()
    find_once(one, tmp_path / "a")
    find_once(one, tmp_path / "b")
    assert [folder.name for folder in sought] == ["a", "b"]


def test_what_was_found_goes_with_the_film(sought, tmp_path):
    one = film()
    find_once(one, tmp_path)
    gone = ref(one)
    del one
    gc.collect()
    assert gone() is None
    assert not cxr.lungs.once._films


def test_without_a_network_it_is_told_each_time(tmp_path):
    one = film()
    assert not has_lung_network(tmp_path)
    for _ in range(2):
        for ask in (find_once, look_once):
            with pytest.raises(LungsError):
                ask(one, tmp_path)
