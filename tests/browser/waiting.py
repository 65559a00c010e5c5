"""What the browser tests wait for: states of the page, never a number of seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from weakref import WeakKeyDictionary

from playwright.sync_api import BrowserContext, Page, WebSocket, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

LIMIT = 45  # seconds; a machine that does something else beside is slow, not wrong
AT_WORK = 180  # and films are scored, mapped and searched before a page is at rest

#: What was set before is worked out in the first frame and on the screen with the second.
DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
#: Ten frames one after the other in which nothing comes, goes, or changes its place or size.
AT_REST = """() => new Promise((done) => {
  let before = "", same = 0;
  const look = () => {
    const parts = [...document.querySelectorAll(
      "[data-testid=stMainBlockContainer], .js-plotly-plot, [role=dialog], img")];
    const now = [document.querySelectorAll("*").length, ...parts.map((part) => {
      const { left, top, width, height } = part.getBoundingClientRect();
      return [left, top, width, height, part.complete ?? true].join();
    })].join(" ");
    same = now === before && !now.includes("false") ? same + 1 : 0;
    before = now;
    if (same < 10) requestAnimationFrame(look);
    else done();
  };
  look();
})"""


class Talk:
    """What a tab asks of its server, and how far the answer is.

    That no script runs says little of a page: a click may be on its way to the server, and what is
    worked out in the background draws the page anew once it is there.
    """

    def __init__(self, page: Page) -> None:
        self._is_asked = self._runs = False
        self._asks_again: set[str] = set()  # parts of the page that ask for themselves, by a clock
        page.on("websocket", self._connected)

    @property
    def is_over(self) -> bool:
        """Whether all was answered, and nothing will be asked but by who uses the page."""
        return not (self._is_asked or self._runs or self._asks_again)

    def _connected(self, line: WebSocket) -> None:
        # Over a line that broke nothing is answered any more; the page asks anew if it has to.
        self._is_asked = self._runs = False
        line.on("framesent", self._sent)
        line.on("framereceived", self._received)

    def _sent(self, frame: bytes | str) -> None:
        if isinstance(frame, bytes) and BackMsg.FromString(frame).HasField("rerun_script"):
            self._is_asked = True

    def _received(self, frame: bytes | str) -> None:
        message = ForwardMsg.FromString(frame) if isinstance(frame, bytes) else ForwardMsg()
        match message.WhichOneof("type"):
            case "new_session":
                self._is_asked, self._runs = False, True
                if not message.metadata.run.fragment_ids:
                    self._asks_again.clear()
            case "auto_rerun":
                self._asks_again.add(message.auto_rerun.fragment_id)
            case "stop_auto_rerun":
                self._asks_again -= set(message.stop_auto_rerun.fragment_ids)
            case "script_finished":
                self._runs = False
                # The script runs anew then, of itself or since it was asked meanwhile.
                early = ForwardMsg.FINISHED_EARLY_FOR_RERUN
                self._is_asked |= message.script_finished == early


_talks: WeakKeyDictionary[Page, Talk] = WeakKeyDictionary()


def overheard(context: BrowserContext) -> BrowserContext:
    """Listen to all tabs that are opened in a browser, for `at_rest`."""

    def listen(page: Page) -> None:
        _talks[page] = Talk(page)

    context.on("page", listen)
    return context


def drawn(page: Page) -> None:
    """Wait until what was asked of the page so far is on the screen."""
    page.evaluate(DRAWN)


def at_rest(page: Page) -> None:
    """Wait until what was asked is done and on the screen, and nothing changes by itself any more.

    Scores, maps and outlines are there then, as far as the page waits for any.
    """
    app, talk = page.get_by_test_id("stApp"), _talks[page]
    is_still = False
    while not is_still:
        until(page, lambda: talk.is_over, AT_WORK)
        # A page that is loaded has another state before it has asked for anything.
        expect(app).to_have_attribute(
            "data-test-script-state", "notRunning", timeout=1000 * AT_WORK
        )
        page.evaluate(AT_REST)
        is_still = talk.is_over


def until(page: Page, holds: Callable[[], bool], seconds: float = LIMIT) -> None:
    """Wait until something holds, looking again after each frame."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        drawn(page)
