"""Jupyter from this environment, on a free port with a token of its own, and a real Chromium to look at it."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, sync_playwright

from tests.browser.lab import FRONT_ENDS, Lab
from tools import browser

ROOT = Path(__file__).parent.parent.parent
OUTPUT = ROOT / "test-output"
START = 60.0  # seconds the server may take


@dataclass(frozen=True)
class Server:
    url: str
    token: str
    folder: Path  #: what it serves
    kernels: Path  #: where kernels may be put that it is to know


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(240))


# no longer: Playwright's event loop is in the way of tests that run their own
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = browser.find()
    if path is None:
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing(f"no Chromium-like browser found. {browser.HINT}")
    # Chromium's own sandbox refuses root, and containers often refuse it.
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


@pytest.fixture
def blank_page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """Opens an empty page for a view to be drawn on, of a width and height in pixels.

    Afterwards a picture of the page is kept, and it is checked that nothing went wrong or was fetched from elsewhere,
    and that nothing is left of the view when it ends.
    """
    opened: list[tuple[Page, list[str]]] = []

    def open_page(width: int = 1100, height: int = 760) -> Page:
        page = chromium.new_context(
            viewport={"width": width, "height": height}, accept_downloads=True
        ).new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("request", lambda sent: _note_address(sent.url, wrong))
        opened.append((page, wrong))
        return page

    yield open_page
    OUTPUT.mkdir(exist_ok=True)
    for number, (page, wrong) in enumerate(opened):
        page.screenshot(path=OUTPUT / f"{request.node.name}-{number}.png")
        page.evaluate("window.end()")
        assert page.locator(".nbf").count() == 0, "nothing is left of it"
        page.context.close()
        assert not wrong


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("jupyter")
    folder = home / "notebooks"
    folder.mkdir()
    settings = home / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
        "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={folder}", f"--IdentityProvider.token={token}",
        "--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True",
    ]  # fmt: skip
    variables = {
        "JUPYTER_PATH": "data",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    environment = {**os.environ, **{name: str(home / place) for name, place in variables.items()}}
    OUTPUT.mkdir(exist_ok=True)
    with (OUTPUT / "jupyterlab.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            url = f"http://127.0.0.1:{port}/"
            _await_answer(f"{url}api/status?token={token}", process)
            yield Server(url, token, folder, home / "data" / "kernels")
        finally:
            os.killpg(process.pid, signal.SIGTERM)  # the kernels end with their server
            process.wait(30)


def _await_answer(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)  # between two tries; nobody tells when a server is up
    pytest.fail(f"JupyterLab did not start; see {OUTPUT / 'jupyterlab.log'}")


@pytest.fixture(params=FRONT_ENDS)
def front_end(request: pytest.FixtureRequest) -> str:
    """For tests that run in JupyterLab and in Notebook 7: `open_notebook(..., front_end=front_end)`."""
    return str(request.param)


@pytest.fixture
def open_notebook(
    chromium: Browser, server: Server, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Lab]]:
    """Opens a copy of a notebook in JupyterLab, or in another front end.

    Afterwards a picture of the page is kept, and it is checked that nothing was fetched from anywhere else, and that
    nothing of ours has complained.
    """
    opened: list[tuple[Page, list[str]]] = []
    stem = re.sub(r"[^\w-]+", "-", request.node.name).strip("-")

    def open_copy(
        source: Path,
        *,
        front_end: str = "lab",
        theme: str = "JupyterLab Light",
        scale: float = 1,
        kernel: bool = True,
    ) -> Lab:
        # A session belongs to a path: a name used twice would silently get the old kernel.
        name = f"{stem}-{len(opened)}.ipynb"
        shutil.copyfile(source, server.folder / name)
        context = chromium.new_context(
            viewport={"width": 1280, "height": 1100}, device_scale_factor=scale, reduced_motion="reduce"
        )
        page = context.new_page()
        wrong: list[str] = []
        page.on("request", lambda sent: _note_address(sent.url, wrong))
        page.on("console", lambda message: _note_complaint(message, wrong))
        page.on("pageerror", lambda error: _note_error(error, wrong))
        opened.append((page, wrong))
        lab = Lab(page, server.url, server.token, name, front_end)
        if kernel:
            lab.open()
            lab.set_theme(theme)
        else:
            lab.open_without_kernel()
        return lab

    yield open_copy
    for number, (page, _) in enumerate(opened):
        page.screenshot(path=OUTPUT / f"{stem}-{number}.png")
        page.context.close()
    _end_kernels(server)
    for _, wrong in opened:
        assert not wrong


def _end_kernels(server: Server) -> None:
    """What a test has left computing would take half a core from all that come after it."""
    with urllib.request.urlopen(f"{server.url}api/kernels?token={server.token}", timeout=START) as answer:
        kernels = json.load(answer)
    for kernel in kernels:
        address = f"{server.url}api/kernels/{kernel['id']}?token={server.token}"
        with suppress(urllib.error.HTTPError):  # it has ended meanwhile
            urllib.request.urlopen(urllib.request.Request(address, method="DELETE"), timeout=START).close()


def _note_address(url: str, wrong: list[str]) -> None:
    parts = urlsplit(url)
    if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
        wrong.append(f"fetched from elsewhere: {url}")


def _note_complaint(message: ConsoleMessage, wrong: list[str]) -> None:
    """Jupyter has complaints of its own."""
    if message.type == "error" and any(word in message.text for word in ("nbf", "anywidget", "Refused")):
        wrong.append(f"on the console: {message.text}")


def _note_error(error: Error, wrong: list[str]) -> None:
    """The page's module has an address of its own, as all that anywidget loads."""
    if "blob:" in (error.stack or ""):
        wrong.append(f"not caught: {error.stack}")
