"""A real browser: JupyterLab in Chromium runs every chapter, and its sliders move the pictures.

Needs Chromium (``apt-get install chromium``); without one the tests are skipped. Set NNBRAIN_SCREENSHOTS to a folder to keep the
pictures of the pages for a person to look at; otherwise they lie in pytest's temporary folder.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbconvert
import nbformat
import pytest

from nnbrain import pages

CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
IDLE = """name => {
  const widget = window.jupyterapp?.shell.currentWidget;
  const session = widget?.context?.sessionContext;
  return widget?.context?.path.endsWith(name) && session?.isReady && session?.session?.kernel?.status === "idle"
    && session?.session?.kernel?.connectionStatus === "connected";
}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab with a copy of the notebooks, and with settings of its own."""
    folder = tmp_path_factory.mktemp("lab")
    root = folder / "root"
    shutil.copytree(pages.NOTEBOOKS, root / "notebooks", ignore=shutil.ignore_patterns(".*"))
    names = ["JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"]
    names += ["JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR"]
    own = {name: str(folder / name.lower()) for name in names}
    settings = Path(own["JUPYTERLAB_SETTINGS_DIR"]) / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "jupyter",
        "lab",
        "--no-browser",
        "--allow-root",
        "--ip=127.0.0.1",
        f"--port={port}",
    ]
    command += ["--ServerApp.port_retries=0", "--IdentityProvider.token=", "--LabApp.expose_app_in_browser=True"]
    with (folder / "log").open("w") as log:
        environment = os.environ | own | {"PYTHONPATH": str(pages.ROOT)}
        environment.pop("MPLBACKEND", None)  # the tests' own; in a notebook pictures are to be seen
        server = subprocess.Popen(
            [*command, f"--ServerApp.root_dir={root}"], env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_for(f"{address}/api/status", server, folder / "log")
            yield address
        finally:
            server.terminate()
            server.wait(30)


def _wait_for(address, server, log):
    for _ in range(120):
        assert server.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(address).read()
            return
        except urllib.error.URLError:
            time.sleep(0.5)
    raise AssertionError("JupyterLab did not start:\n" + log.read_text())


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def executed():
    """The notebooks as they were after they ran in the browser, by their file."""
    return {}


def cells_with_error(model):
    found = []
    for cell in model["cells"]:
        for output in cell.get("outputs", []):
            progress = "it/s" in "".join(output.get("text", "")) or "step/s" in "".join(output.get("text", ""))
            if output["output_type"] == "error" or (output.get("name") == "stderr" and not progress):
                found.append((cell["id"], output))
    return found


@pytest.mark.parametrize("chapter", pages.existing(), ids=lambda chapter: chapter.file)
def test_a_chapter_runs_in_jupyterlab_and_its_sliders_move_the_picture(lab, browser, executed, chapter):
    page = browser.new_page(viewport={"width": 1400, "height": 1300})
    page.set_default_timeout(120_000)
    # A workspace of its own: in a shared one JupyterLab also opens the chapters that ran before, with cells of the same numbers.
    workspace = f"{lab}/lab/workspaces/chapter-{chapter.number}"
    page.goto(f"{workspace}/tree/notebooks/{chapter.file}", wait_until="domcontentloaded")
    page.wait_for_function(IDLE, arg=chapter.file)
    page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")  # comes back when all have run
    page.wait_for_function(IDLE, arg=chapter.file)
    model = page.evaluate("jupyterapp.shell.currentWidget.context.model.toJSON()")
    executed[chapter.file] = model
    code = [cell for cell in model["cells"] if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in code)
    assert cells_with_error(model) == []

    with_widget = [i for i, cell in enumerate(model["cells"]) if "nb.widgets." in cell["source"] and cell in code]
    assert with_widget
    for i in with_widget:
        page.evaluate(
            """async i => {
              const notebook = jupyterapp.shell.currentWidget.content;
              notebook.activeCellIndex = i;
              await notebook.scrollToItem(i, "start");
            }""",
            i,
        )
        cell = page.locator(f".jp-Cell[data-windowed-list-index='{i}']")
        picture = cell.locator(".widget-interact .jp-OutputArea-output img")
        picture.wait_for()
        handles = cell.locator(".widget-slider .noUi-handle")
        assert handles.count() >= 1
        for k in range(handles.count()):
            before = picture.get_attribute("src")
            handles.nth(k).focus()
            page.keyboard.press("ArrowRight")
            page.wait_for_function(
                """([i, before]) => {
                  const notebook = jupyterapp.shell.currentWidget.node;
                  const cell = notebook.querySelector(`.jp-Cell[data-windowed-list-index='${i}']`);
                  const found = cell?.querySelector(".widget-interact .jp-OutputArea-output img");
                  return found?.src && found.src !== before;
                }""",
                arg=[i, before],
            )
        wrong = cell.locator(".widget-interact .jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']")
        assert wrong.count() == 0
    page.close()


def _fetch_or_give_up(route):
    """What draws equations comes from the internet; without one the page should not wait for it."""
    from playwright.sync_api import Error

    try:
        route.fulfill(response=route.fetch(timeout=5000))
    except Error:
        route.abort()


@pytest.mark.parametrize("chapter", pages.existing(), ids=lambda chapter: chapter.file)
def test_a_picture_of_each_chapter_as_a_page_for_a_person_to_look_at(browser, executed, tmp_path, chapter):
    """Saved, not judged: only that there is a page of some length, with all its pictures."""
    if chapter.file not in executed:
        pytest.skip("the chapter did not run in the browser")
    cells = [{k: v for k, v in cell.items() if v is not None} for cell in executed[chapter.file]["cells"]]
    notebook = nbformat.from_dict(executed[chapter.file] | {"cells": cells})
    html, _ = nbconvert.HTMLExporter().from_notebook_node(notebook)
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    page = browser.new_page(viewport={"width": 1000, "height": 1400})
    page.route("https://**", _fetch_or_give_up)
    page.goto((tmp_path / "page.html").as_uri(), wait_until="commit")
    page.wait_for_function("document.readyState !== 'loading' && document.images.length > 3")
    height = page.evaluate("document.documentElement.scrollHeight")
    folder = Path(os.environ.get("NNBRAIN_SCREENSHOTS", tmp_path)).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for part, top in enumerate(range(0, height, 4200)):  # a browser draws no pictures of any length
        clip = {"x": 0, "y": top, "width": 1000, "height": min(4200, height - top)}
        page.screenshot(path=folder / f"{chapter.number:02d}_{part}.png", full_page=True, clip=clip)
    broken = page.evaluate("[...document.images].filter(i => i.src.startsWith('data:') && !i.naturalWidth).length")
    assert height > 5000 and broken == 0
    page.close()
