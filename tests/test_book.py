"""The static site: that it builds, what it holds, and that it does not build with a broken link or without a picture."""

import re

import pytest

from nnbrain import book, pages


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The whole book, chapters run."""
    folder = tmp_path_factory.mktemp("book") / "public"
    assert book.main([str(folder)]) == 0
    return folder


def test_the_front_page_has_the_gallery_and_every_chapter(site):
    front = (site / "index.html").read_text(encoding="utf-8")
    for chapter in pages.existing():
        page = f"notebooks/{chapter.file.replace('.ipynb', '.html')}"
        assert page in front and (site / page).exists()
    pictures = re.findall(r'<img alt="[^"]{40,}" src="(_images/\w+\.png)"', front)
    assert {(site / picture).name for picture in pictures} == {p.name for p in (pages.ROOT / "figures").iterdir()}
    assert all((site / picture).exists() for picture in pictures)


@pytest.mark.parametrize("chapter", pages.existing(), ids=lambda chapter: chapter.file)
def test_a_chapter_shows_what_it_computed(site, chapter):
    page = (site / "notebooks" / chapter.file.replace(".ipynb", ".html")).read_text(encoding="utf-8")
    assert "✓" in page and "3 s.d. over seeds" in page  # its claims
    saved = re.findall(r'nb\.save_figure\(figure, \\"(\w+)', (pages.NOTEBOOKS / chapter.file).read_text())
    assert page.count('<img alt="../_images') >= len(saved) >= 1
    assert "/main/figures/" not in page  # the picture at its head lies in the book


def test_it_has_a_search(site):
    assert "backpropagation" in (site / "searchindex.js").read_text(encoding="utf-8")
    assert (site / "search.html").exists()


def test_links_within_the_book_lead_somewhere(site):
    broken = []
    for path in [*site.glob("*.html"), *site.glob("notebooks/*.html")]:
        for target in re.findall(
            r'(?:href|src)="(?!https?:|#|data:|mailto:)([^"#?]+)', path.read_text(encoding="utf-8")
        ):
            if not (path.parent / target).exists():
                broken.append((path.name, target))
    assert broken == []


@pytest.fixture
def source(tmp_path):
    """What Sphinx reads."""
    folder = tmp_path / "source"
    folder.mkdir()
    book.write_source(folder)
    return folder


def test_a_broken_link_fails_the_build(source, tmp_path, capfd):
    page = source / "notebooks" / "README.md"
    page.write_text(page.read_text().replace("(00_start_here.ipynb)", "(00_gone.ipynb)", 1))
    assert book.build(source, tmp_path / "public", run=False) != 0
    assert "00_gone.ipynb" in capfd.readouterr().err


def test_a_missing_picture_fails_the_build(source, tmp_path, capfd):
    (source / "figures" / "primer_fig2a.png").unlink()
    assert book.build(source, tmp_path / "public", run=False) != 0
    assert "primer_fig2a.png" in capfd.readouterr().err


def test_a_chapter_that_fails_fails_the_build(source, tmp_path, capfd):
    for chapter in pages.existing()[1:]:
        (source / "notebooks" / chapter.file).unlink()
    index = source / "index.md"
    kept = [line for line in index.read_text().splitlines() if not re.search(r"01_\w+\.ipynb", line)]
    index.write_text("\n".join(kept))
    (source / "notebooks" / "README.md").write_text("# Index\n")
    page = source / "notebooks" / pages.existing()[0].file
    page.write_text(page.read_text().replace("import importlib.util", "raise RuntimeError('broken on purpose')", 1))
    assert book.build(source, tmp_path / "public") != 0
    assert "broken on purpose" in capfd.readouterr().err


def test_links_lead_into_the_book_or_to_the_repository():
    address = pages.repository()
    chapter = pages.existing()[0].file
    raw = address.replace("https://github.com", "https://raw.githubusercontent.com")
    links = {
        f"[a]({chapter})": f"[a]({chapter})",
        "[b](../tests/test_train.py)": f"[b]({address}/blob/main/tests/test_train.py)",
        "[c](https://example.org)": "[c](https://example.org)",
        f"![d]({raw}/main/figures/primer_fig1.png)": "![d](../figures/primer_fig1.png)",
        f"[e](exercises/{chapter})": f"[e]({address}/blob/main/notebooks/exercises/{chapter})",
        "[f](gone.md)": "[f](gone.md)",  # for Sphinx to complain of
    }
    for link, expected in links.items():
        assert book._links(link, book.Path("notebooks")) == expected
