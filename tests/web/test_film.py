"""What the film viewer sends to the browser, and what its scripts never do."""

from __future__ import annotations

import base64
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit import runtime
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from cxr.films.radiograph import Radiograph, read
from cxr.heatmaps.overlay import COLOUR_MAPS, CUT, colour_table, common_top
from cxr.lungs.outline import Outline
from cxr.scoring.explain import CAPTION, Heatmap
from cxr.scoring.reader import RegionLabel
from cxr.scoring.region import Region
from cxr.web import film as viewer
from cxr.web import streamlit_hooks as hooks
from cxr.web import transfer
from cxr.web.assets import STATIC
from cxr.web.film_scale import film_scale
from tests.conftest import film_like
from tests.film_files import dicom, lut, scene
from tests.scoring.test_region import a_region


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MediaFileManager:
    """Streamlit's store of media files as a server has it."""
    manager = MediaFileManager(MemoryMediaFileStorage("/media"))
    instance = SimpleNamespace(media_file_mgr=manager)
    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(runtime, "get_instance", lambda: instance)
    transfer._addresses.clear()
    hooks.hold_media()
    monkeypatch.setattr(hooks, "_held", {})
    return manager


@pytest.fixture
def sent(store: MediaFileManager, monkeypatch: pytest.MonkeyPatch) -> dict:
    """What the component was called with last."""
    arguments: dict = {}
    monkeypatch.setattr(viewer, "_component", lambda **given: arguments.update(given))
    return arguments


def stored(store: MediaFileManager, address: str) -> bytes | None:
    file = store.read_file(address.rsplit("/", 1)[-1])
    return None if file is None else bytes(file.content)


def end_of_run(store: MediaFileManager) -> None:
    """What Streamlit does when a run of the script ends, and before the next begins."""
    store.remove_orphaned_files()
    store.clear_session_refs()


def scripts() -> str:
    """All modules of the viewer, one after the other."""
    return "\n".join(path.read_text() for path in sorted(STATIC.glob("film*.js")))


def heatmap_of(film: Radiograph, margin: float = 0.0) -> Heatmap:
    grid = np.random.default_rng(5).random((7, 7), np.float32) * 1e-4
    return Heatmap(grid, film.height, film.width, "gradcam", "top", "pneumonia", margin)


def test_every_level_of_8_bits_arrives_as_it_is() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    film = Radiograph(levels.astype(np.float32) / 255)
    assert transfer.depth(film) == 8
    assert transfer.grey_levels(film) == levels.tobytes()


def test_every_level_of_16_bits_arrives_as_it_is() -> None:
    levels = np.arange(65536).reshape(128, 512)
    film = Radiograph(levels.astype(np.float32) / 65535, bits=16)
    assert transfer.depth(film) == 16
    assert transfer.grey_levels(film) == levels.astype("<u2").tobytes()


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_levels_in_between_stay_apart_and_in_order(bits: int) -> None:
    levels = np.arange(2**bits).reshape(32, -1)
    film = Radiograph(levels.astype(np.float32) / (2**bits - 1), bits=bits)
    arrived = np.frombuffer(transfer.grey_levels(film), "<u2").astype(float)
    assert (np.diff(arrived) > 0).all()
    assert np.abs(arrived / 65535 * (2**bits - 1) - levels.ravel()).max() < 0.5


def test_levels_are_rounded_not_cut_off() -> None:
    film = Radiograph(np.random.default_rng(0).random((130, 77), np.float32), bits=16)
    arrived = np.frombuffer(transfer.grey_levels(film), "<u2").reshape(130, 77)
    assert np.abs(arrived - film.pixels.astype(float) * 65535).max() <= 0.51


def test_the_address_gives_the_levels_and_no_name(store: MediaFileManager) -> None:
    film = film_like(1)
    address = transfer.film_address(film, "place")
    assert re.fullmatch(r"/media/[0-9a-f]+\.bin", address)
    assert stored(store, address) == transfer.grey_levels(film)


def test_large_films_that_differ_in_one_pixel_are_told_apart(store: MediaFileManager) -> None:
    # Streamlit looks at the ends and the middle of a large file alone.
    pixels = np.full((1200, 1200), 0.5, np.float32)
    marked = pixels.copy()
    marked[300, 600] = 1
    films = [Radiograph(each, bits=16) for each in (pixels, marked)]
    addresses = [transfer.film_address(film, f"place {i}") for i, film in enumerate(films)]
    for film, address in zip(films, addresses, strict=True):
        assert stored(store, address) == transfer.grey_levels(film)


def test_a_film_stays_while_it_is_shown_and_goes_with_the_next_but_one(
    store: MediaFileManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (film_like(seed) for seed in (1, 2, 3))
    address = transfer.film_address(first, "place")
    with monkeypatch.context() as once:
        once.setattr(transfer, "sent", lambda film: pytest.fail("made anew"))
        for _ in range(3):
            end_of_run(store)
            assert transfer.film_address(first, "place") == address
    end_of_run(store)
    assert stored(store, address)
    for _ in range(3):
        other = transfer.film_address(second, "place")
        end_of_run(store)
    assert stored(store, address)  # for a browser that is behind
    transfer.film_address(third, "place")
    end_of_run(store)
    assert stored(store, address) is None
    assert stored(store, other)
    # And it comes back.
    assert stored(store, transfer.film_address(first, "place")) == transfer.grey_levels(first)


def test_a_film_is_there_while_its_page_is_drawn_anew_and_runs_of_others_end(
    store: MediaFileManager,
) -> None:
    address = transfer.film_address(film_like(1), "place")
    for _ in range(3):  # runs that are cut short before they come to the film
        store.clear_session_refs()  # a run begins
        store.remove_orphaned_files()  # one of another tab ends
        assert stored(store, address)


def test_a_film_goes_with_its_list_its_tab_and_a_page_without_one(store: MediaFileManager) -> None:
    def left() -> None:
        for _ in range(hooks.RUNS + 1):
            store.clear_session_refs()

    for leave in (hooks.forget_media, lambda: store.clear_session_refs("dontcare"), left):
        address = transfer.film_address(film_like(1), "place")
        store.clear_session_refs()
        leave()
        store.remove_orphaned_files()
        assert stored(store, address) is None


def test_a_film_without_a_server_has_no_address() -> None:
    assert transfer.film_address(film_like(1), "place") == ""


def test_where_nothing_can_be_stored_the_film_goes_along(
    store: MediaFileManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "keep_media", lambda *given: None)
    film = film_like(1)
    kind, levels = transfer.film_address(film, "place").split(",")
    assert kind == "data:application/octet-stream;base64"
    assert base64.b64decode(levels) == transfer.grey_levels(film)


def test_the_browser_is_told_what_it_needs_and_no_pixels(store: MediaFileManager, sent) -> None:
    film = Radiograph(film_like(3, size=700).pixels, bits=12, pixel_spacing=(0.2, 0.1))
    viewer.film_view(film, heatmap_of(film, 0.05), name="a name", height=500, keys=["agree"])
    data = sent["data"]
    assert len(json.dumps(data)) < 15_000
    (told,) = data["films"]
    assert (told["width"], told["height"]) == (700, 700)
    scale = told["scale"]
    assert (scale["bits"], scale["low"], scale["high"], scale["unit"]) == (16, 0, 4095, 1)
    assert told["windows"] == [{"kind": "range", "center": 2047.5, "width": 4095, "name": ""}]
    assert not told["own"]
    assert tuple(told["spacing"]) == (0.2, 0.1)
    assert told["heatmap"]["inset"] == [35, 35]
    assert told["heatmap"]["caption"] == CAPTION
    assert list(data["colours"]) == list(COLOUR_MAPS)
    assert data["keys"] == ["agree"]
    assert data["field"] == 500
    assert "a name" not in told["url"]
    assert stored(store, told["url"]) == transfer.grey_levels(film)


@pytest.mark.parametrize("place", ["detector", "patient", None])
def test_a_ruler_is_told_where_its_millimetres_are(sent, place) -> None:
    film = Radiograph(film_like(3).pixels, pixel_spacing=(0.2, 0.1), spacing_at=place)
    viewer.film_view(film, None, name="a name")
    (told,) = sent["data"]["films"]
    assert told["at_detector"] == (place == "detector")


def test_small_heatmaps_keep_their_values(sent) -> None:
    film = film_like(3)
    heatmap = heatmap_of(film)
    viewer.film_view(film, heatmap, name="film")
    told = np.float32(sent["data"]["films"][0]["heatmap"]["grid"])
    assert np.array_equal(told, heatmap.grid)


def test_a_second_film_stands_beside(store: MediaFileManager, sent) -> None:
    one, other = film_like(1), film_like(2)
    viewer.film_view(one, None, name="one", beside=(other, heatmap_of(other), "other"))
    first, second = sent["data"]["films"]
    assert first["heatmap"] is None
    assert (second["name"], second["sha256"]) == ("other", other.sha256)
    assert stored(store, first["url"]) == transfer.grey_levels(one)
    assert stored(store, second["url"]) == transfer.grey_levels(other)


def test_maps_side_by_side_end_at_the_same_height(sent) -> None:
    film = film_like(3)
    even = Heatmap(np.full((7, 7), 3, np.float32), 160, 160, "gradcam", "top", "pneumonia")
    peaks = np.zeros((8, 8), np.float32)
    peaks[:, 0] = 2
    other = Heatmap(peaks, 160, 160, "smoothgrad", "", "pneumonia")
    viewer.film_view(film, even, name="film", beside=(film, other, "film"))
    one, two = (side["heatmap"] for side in sent["data"]["films"])
    assert one["top"] == two["top"] == common_top([even, other]) == 8
    # In the unit of each: an even map is 1 everywhere, an eighth of what the other reaches.
    assert (one["full"], two["full"]) == (8 * 3, 8 * 0.25)
    assert (one["method"], two["method"]) == ("Grad-CAM", "SmoothGrad")


def test_an_empty_map_has_no_height(sent) -> None:
    film = film_like(3)
    empty = Heatmap(np.zeros((7, 7), np.float32), 160, 160, "gradcam", "top", "pneumonia")
    viewer.film_view(film, empty, name="film")
    assert sent["data"]["films"][0]["heatmap"]["full"] == 0


def test_the_viewer_wants_nothing_from_elsewhere_and_keeps_nothing() -> None:
    for path in STATIC.iterdir():
        found = re.findall(r"https?://[^\"')\s]+", path.read_text())
        assert set(found) <= {"http://www.w3.org/2000/svg"}
    script = scripts()
    for word in ("sessionStorage", "indexedDB", "document.cookie", "caches."):
        assert word not in script
    # But habits of the reader, which say nothing of a film: of closed lists, under names of ours.
    kept = {
        path.name: re.findall(r"localStorage\.setItem\((.+)\)", path.read_text())
        for path in STATIC.glob("*.js")
        if "localStorage" in path.read_text()
    }
    assert kept == {
        "film_hanging.js": ['NAME, this.right ? "yes" : "no"'],
        "habits.js": ["NAME, JSON.stringify(sensible(habits))"],
        "keys.js": ["NAME, JSON.stringify(changed)"],
    }
    assert 'cache: "no-store"' in script
    # What goes back are the regions alone: where they are, and which of a closed list.
    assert re.findall(r"setStateValue\((.*)\)", script) == ['"regions", regions']
    assert "setTriggerValue" not in script


def test_the_words_are_those_of_the_house() -> None:
    said = (STATIC / "film.html").read_text() + scripts()
    for word in ("confidence", "confirmed", "normal", "diagnos"):
        assert word not in said.lower()


FILE = {"BitsStored": 12, "WindowCenter": [2000, 900], "WindowWidth": [400, 500]}


def test_a_film_is_sent_with_all_its_values_and_windows(store: MediaFileManager, sent) -> None:
    values = scene(top=4095)
    film = read(dicom(values, **FILE, WindowCenterWidthExplanation=["LUNG", "BONE"]))
    viewer.film_view(film, None, name="a name")
    (told,) = sent["data"]["films"]
    levels = np.frombuffer(stored(store, told["url"]), "<u2").reshape(values.shape)
    scale = told["scale"]
    np.testing.assert_array_equal(scale["offset"] + scale["step"] * levels, values)
    assert (scale["low"], scale["high"], scale["unit"]) == (0, 4095, 1)
    assert told["own"]
    assert told["windows"] == [
        {"kind": "linear", "center": 2000, "width": 400, "name": "LUNG"},
        {"kind": "linear", "center": 900, "width": 500, "name": "BONE"},
    ]


def test_tables_come_after_the_levels(store: MediaFileManager, sent) -> None:
    values = scene(13, 17)
    item = lut(list(range(0, 4096, 16)), first=0, bits=12)
    film = read(dicom(values, VOILUTSequence=[item], WindowCenter=9, WindowWidth=9))
    viewer.film_view(film, None, name="a name")
    (told,) = sent["data"]["films"]
    assert told["tables"] == [256]
    table, window = told["windows"]
    assert (table["kind"], table["first"], table["top"], table["table"]) == ("table", 0, 4095, 0)
    assert window["kind"] == "linear"
    content = stored(store, told["url"])
    at = 2 * -(-values.size // 2)
    np.testing.assert_array_equal(np.frombuffer(content[at:], "<u2"), np.arange(0, 4096, 16))
    assert content[: values.size] == transfer.grey_levels(film)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_below_all_values(photometric: str) -> None:
    values = scene(top=4095)
    values[:3] = 60000
    tags = {"PhotometricInterpretation": photometric, "PixelPaddingValue": 60000}
    film = read(dicom(values, **tags))
    levels = np.frombuffer(transfer.grey_levels(film), "<u2").reshape(values.shape)
    assert not levels[:3].any()
    assert levels[3:].min() == 1
    scale = film_scale(film)
    np.testing.assert_allclose(scale.offset + scale.step * levels[3:].astype(float), values[3:])
    brighter = np.corrcoef(levels[3:].ravel(), film.pixels[3:].ravel())[0, 1]
    assert brighter > 0.99


@pytest.mark.parametrize("slope", [0.1, 1, 2.5, 1e-4, 1000])
def test_values_in_even_steps_are_all_told_apart(slope: float) -> None:
    film = read(dicom(scene(top=65535)[::2], RescaleSlope=slope, RescaleIntercept=-7))
    levels = np.frombuffer(transfer.grey_levels(film), "<u2").reshape(film.pixels.shape)
    scale = film_scale(film)
    found = scale.offset + scale.step * levels.astype(float)
    np.testing.assert_allclose(found, film.values.array, atol=slope / 1.9)


def test_films_that_differ_beyond_the_window_are_not_taken_for_each_other() -> None:
    values = scene(top=4095)
    other = np.where(values > 3000, 4095, values).astype(np.uint16)
    one, two = read(dicom(values, **FILE)), read(dicom(other, **FILE))
    assert one.sha256 == two.sha256
    assert transfer.film_key(one) != transfer.film_key(two)
    assert transfer.film_key(one) == transfer.film_key(read(dicom(values, **FILE)))


def test_the_outline_of_the_lungs_is_sent_as_lines(sent: dict) -> None:
    film = film_like(1)
    outline = Outline(
        (((1.0, 2.5), (30.0, 2.0), (9.0, 40.0)),), (((3.0, 9.0), (20.0, 9.0)),), ("Cut.",)
    )
    viewer.film_view(
        film, None, name="", lungs=outline, beside=viewer.Beside(film, None, "", "None.")
    )
    one, other = (side["lungs"] for side in sent["data"]["films"])
    assert one == {"lines": [[1, 2.5, 30, 2, 9, 40]], "borders": [[3, 9, 20, 9]], "said": "Cut."}
    assert other == {"lines": [], "borders": [], "said": "None."}
    viewer.film_view(film, None, name="")
    assert sent["data"]["films"][0]["lungs"] is None


def test_a_prior_is_sent_with_what_stands_by_both_films(sent: dict) -> None:
    film, earlier = film_like(1), film_like(2)
    whole = Outline((), (), (), (1.0, 2.0, 30.0, 40.0))
    viewer.film_view(
        film,
        heatmap_of(film),
        name="a",
        current=viewer.Hung(film, None, "Current · a", whole, "▲ 0.95"),
        prior=viewer.Hung(earlier, heatmap_of(earlier), "Prior · b", "No lungs.", "▽ 0.01"),
        priors_chosen=2,
    )
    data = sent["data"]
    assert [side["sha256"] for side in data["films"]] == [film.sha256]
    prior, current = data["prior"], data["current"]
    assert (prior["sha256"], prior["hung_name"], prior["scores"]) == (
        earlier.sha256, "Prior · b", "▽ 0.01",
    )  # fmt: skip
    assert prior["lungs_box"] is None
    assert current == {
        "hung_name": "Current · a",
        "scores": "▲ 0.95",
        "lungs_box": (1.0, 2.0, 30.0, 40.0),
    }
    # The scale of the film's own map is what it is without a prior.
    assert data["films"][0]["heatmap"]["top"] == common_top([heatmap_of(film)])
    viewer.film_view(film, None, name="a", prior_said="None.")
    assert (sent["data"]["prior"], sent["data"]["current"]) == (None, None)
    assert sent["data"]["prior_said"] == "None."


def test_earlier_films_that_may_be_chosen_next_can_be_fetched(
    store: MediaFileManager, sent: dict
) -> None:
    film, *earlier = (film_like(seed) for seed in (1, 2, 3))
    ready = [transfer.ready_film(each) for each in earlier]
    viewer.film_view(film, None, name="a", ahead=ready)
    (told, *others) = sent["data"]["ahead"]
    assert len(others) == 1
    assert stored(store, told["url"]) == transfer.grey_levels(earlier[0])
    # Once it is the prior, it is the same to the browser, which need not fetch it again.
    for shown in (ready[0], earlier[0]):
        viewer.film_view(film, None, name="a", prior=viewer.Hung(shown, None, "Prior · b"))
        prior = sent["data"]["prior"]
        assert prior | told == prior


#: Linear red, green and blue as eyes see them that lack a cone: Machado, Oliveira and Fernandes, A
#: Physiologically-based Model for Simulation of Color Vision Deficiency, IEEE TVCG 2009.
EYES = {
    "all cones": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "no red": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "no green": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "no blue": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


def lab(colors: np.ndarray, eyes: list[list[float]]) -> np.ndarray:
    """CIE L*a*b* of colors in 0 to 255, (n, 3), as some eyes see them."""
    given = np.asarray(colors, float) / 255
    linear = np.where(given <= 0.04045, given / 12.92, ((given + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(eyes).T, 0, 1)
    white = np.array([0.9505, 1.0, 1.089])
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    parts = seen @ to_xyz.T / white
    x, y, z = np.where(parts > 0.008856, np.cbrt(parts), 7.787 * parts + 16 / 116).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def stroke(name: str) -> np.ndarray:
    """The color of lines in the viewer's stylesheet, 0 to 255."""
    style = (STATIC / "film.css").read_text()
    (digits,) = re.search(re.escape(name) + r" {[^}]*?stroke: #(\w+);", style).groups()
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    return np.array([int(digits[i : i + 2], 16) for i in (0, 2, 4)])


@pytest.mark.parametrize("eyes", EYES)
def test_all_eyes_tell_the_outline_from_heatmaps_and_rulers(eyes: str) -> None:
    maps = [colour_table(name)[round(255 * CUT) :] for name in COLOUR_MAPS]
    others = np.concatenate([*maps, [stroke(".rulers .line")]])
    outline = lab(stroke(".lungs .line")[None], EYES[eyes])
    # Two colors that are 2 apart are just told next to each other, and 20 apart at once.
    assert np.linalg.norm(lab(others, EYES[eyes]) - outline, axis=1).min() > 20
    assert (stroke(".lungs .border") == stroke(".lungs .line")).all()


@pytest.mark.parametrize("eyes", EYES)
def test_all_eyes_tell_regions_from_heatmaps_rulers_and_lungs(eyes: str) -> None:
    maps = [colour_table(name)[round(255 * CUT) :] for name in COLOUR_MAPS]
    lines = [[stroke(f".{name} .line")] for name in ("rulers", "lungs")]
    region = lab(stroke(".regions .line")[None], EYES[eyes])
    others = lab(np.concatenate([*maps, *lines]), EYES[eyes])
    assert np.linalg.norm(others - region, axis=1).min() > 20


def test_what_the_reader_said_of_a_region_is_told_by_its_line_too() -> None:
    style = (STATIC / "film.css").read_text()
    dashed = re.findall(r'\[data-label="([^"]+)"\] \.line {\s*stroke-dasharray: ([\d ]+);', style)
    assert {label for label, _ in dashed} == set(RegionLabel) - {RegionLabel.FINDING}
    assert len({dashes for _, dashes in dashed}) == len(dashed)


class TestRegions:
    FILM = film_like(1)

    @pytest.fixture
    def state(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
        kept: dict[str, object] = {}
        monkeypatch.setattr(viewer.st, "session_state", kept)
        return kept

    def show(self, regions: list[Region], kept: dict[str, list[Region]]) -> None:
        sha256 = self.FILM.sha256
        drawing = viewer.Drawing({sha256: regions}, {sha256: "pneumonia"}, kept.__setitem__)
        viewer.film_view(self.FILM, None, name="a", drawing=drawing)

    def test_the_browser_is_told_what_is_drawn_and_what_can_be_said(self, sent, state) -> None:
        self.show([a_region()], {})
        (film,) = sent["data"]["films"]
        assert film["regions"] == {
            "list": [
                {
                    "shape": "box", "label": "finding", "finding": "pneumonia",
                    "left": 0.1, "top": 0.2, "right": 0.5, "bottom": 0.6,
                }
            ],
            "finding": "pneumonia",
            "taken": None,
        }  # fmt: skip
        assert [choice["label"] for choice in sent["data"]["labels"]] == list(RegionLabel)
        assert [c["label"] for c in sent["data"]["labels"] if c["map"]] == [RegionLabel.MISSED]

    def test_without_a_drawing_nothing_can_be_drawn(self, sent) -> None:
        viewer.film_view(self.FILM, None, name="a")
        assert sent["data"]["films"][0]["regions"] is None

    def test_what_is_drawn_is_taken_once_and_the_browser_told(self, sent, state) -> None:
        kept: dict[str, list[Region]] = {}
        self.show([], kept)
        (told,) = [{name: getattr(a_region(), name) for name in viewer.DRAWN}]
        state["film"] = {"regions": {self.FILM.sha256: {"number": "7", "list": [told]}}}
        sent["on_regions_change"]()
        assert kept == {self.FILM.sha256: [a_region()]}
        kept.clear()
        sent["on_regions_change"]()
        assert kept == {}
        self.show([a_region()], kept)
        assert sent["data"]["films"][0]["regions"]["taken"] == "7"

    @pytest.mark.parametrize(
        "change",
        [
            {"number": "1", "list": [{"shape": "box"}]},
            {"number": "1", "list": [{"shape": "box", "label": "Doe, John"}]},
            {"number": "1", "list": None},
            {"number": "1"},
            {},
            [],
        ],
    )
    def test_what_is_no_region_is_not_taken_nor_quoted(self, sent, state, change, caplog) -> None:
        kept: dict[str, list[Region]] = {}
        self.show([], kept)
        state["film"] = {"regions": {self.FILM.sha256: change}}
        sent["on_regions_change"]()
        assert kept == {}
        assert "Doe" not in caplog.text
