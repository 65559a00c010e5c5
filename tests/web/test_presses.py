"""Every press counts, also one that comes while the page is drawn for the one before."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection

from tests.conftest import ROOT
from tests.ports import free_port
from tests.web.test_streamlit_hooks import opened, wait_for

BUTTONS = 40
APP = """
from pathlib import Path
import streamlit as st
from cxr.web.streamlit_hooks import lose_no_press
lose_no_press()
def press(number):
    with Path({told!r}).open("a") as file:
        file.write(f"{{number}} ")
for number in range({buttons}):
    st.button(f"Button {{number}}", key=f"button_{{number}}", on_click=press, args=(number,))
st.caption("drawn")
"""


@pytest.fixture
def pressed(tmp_path: Path) -> Iterator[tuple[ClientConnection, Path]]:
    """Open a page of buttons, served with the dashboard's settings; and where presses are told."""
    app, told = tmp_path / "app.py", tmp_path / "told"
    app.write_text(APP.format(told=str(told), buttons=BUTTONS))
    told.touch()
    port = free_port()
    words = ["streamlit", "run", str(app), "--server.headless", "true"]
    server = subprocess.Popen(
        [sys.executable, "-m", *words, "--server.port", str(port)],
        cwd=ROOT,
        env=dict(os.environ) | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with opened(f"ws://127.0.0.1:{port}/_stcore/stream") as tab:
            yield tab, told
    finally:
        server.kill()
        server.wait()


def test_presses_in_a_row_are_all_taken(pressed) -> None:
    tab, told = pressed
    begin = BackMsg()
    begin.rerun_script.query_string = ""
    tab.send(begin.SerializeToString())
    buttons: list[str] = []
    while len(buttons) < BUTTONS:
        message = ForwardMsg.FromString(tab.recv(60))
        if message.delta.new_element.HasField("button"):
            buttons.append(message.delta.new_element.button.id)
    for button in buttons:
        press = BackMsg()
        state = press.rerun_script.widget_states.widgets.add()
        state.id, state.trigger_value = button, True
        tab.send(press.SerializeToString())
    every = set(map(str, range(BUTTONS)))
    wait_for(lambda: set(told.read_text().split()) == every)
    assert len(told.read_text().split()) == BUTTONS
