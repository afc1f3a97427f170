"""The loading code, on small files behind a server of the test's own; and on the real files where NNBRAIN_DATA has them."""

import errno
import gzip
import hashlib
import http.server
import os
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torch

from nnbrain import data
from nnbrain.analysis import compare_rdms, noise_ceiling

REAL = Path(os.environ.get("NNBRAIN_DATA", "/nowhere"))
IMAGES, LABELS = "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"


def idx(array: np.ndarray) -> bytes:
    """An array of bytes in MNIST's format, compressed."""
    header = np.array([0x0800 + array.ndim, *array.shape], dtype=">u4").tobytes()
    return gzip.compress(header + array.astype(np.uint8).tobytes(), mtime=0)


@pytest.fixture
def small():
    """Three images of 4 × 4 pixels and their labels, as files."""
    images = np.arange(48).reshape(3, 4, 4) * 5
    return images, {IMAGES: idx(images), LABELS: idx(np.array([7, 0, 4]))}


@pytest.fixture
def mirror(tmp_path):
    """A folder, and the address of a server on this machine that serves it."""
    folder = tmp_path / "mirror"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.delenv("NNBRAIN_DATA", raising=False)
    monkeypatch.setattr(data.pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    return tmp_path / "cache" / "nnbrain" / "mnist"


@pytest.fixture
def source(monkeypatch, small, mirror):
    """MNIST's source, with the small files' hashes and the test's own mirror."""
    hashes = {name: "md5:" + hashlib.md5(content).hexdigest() for name, content in small[1].items()}
    monkeypatch.setattr(data, "_MNIST", replace(data._MNIST, hashes=hashes, mirrors=(mirror[1],)))


def serve(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_digits_are_embedded():
    images, labels = data.digits()
    assert images.shape == (1797, 8, 8) and images.dtype == np.float32
    assert labels.shape == (1797,) and set(labels) == set(range(10))
    assert images.min() == 0 and images.max() == 1


def test_mnist_is_fetched_once_and_then_read_from_the_cache(small, mirror, cache, source):
    serve(mirror[0], small[1])
    images, labels = data.mnist("test")
    assert np.allclose(images, small[0] / 255, atol=1e-7) and images.dtype == np.float32
    assert labels.tolist() == [7, 0, 4]
    assert files_in(cache) == sorted(small[1])
    for name in small[1]:
        (mirror[0] / name).unlink()
    assert np.array_equal(data.mnist("test")[0], images)


def test_the_second_mirror_is_asked_when_the_first_fails(small, mirror, cache, source, monkeypatch):
    serve(mirror[0], small[1])
    monkeypatch.setattr(data, "_MNIST", replace(data._MNIST, mirrors=(mirror[1] + "gone/", mirror[1])))
    assert data.mnist("test")[1].tolist() == [7, 0, 4]


def test_no_network_is_said_with_what_to_do(cache, source, monkeypatch):
    closed = "http://127.0.0.1:9/"  # nobody listens there
    monkeypatch.setattr(data, "_MNIST", replace(data._MNIST, mirrors=(closed, closed)))
    with pytest.raises(data.DataError, match=r"no connection(.|\n)*NNBRAIN_DATA") as caught:
        data.mnist("test")
    assert str(caught.value).count(closed) == 2
    assert files_in(cache.parent) == []


def test_a_missing_file_is_said(cache, source, mirror):
    with pytest.raises(data.DataError, match="the server answered 404"):
        data.mnist("test")


@pytest.mark.parametrize(
    "spoil", [lambda content: content[:-20], lambda content: b"<html>404</html>", lambda content: b""]
)
def test_a_truncated_or_wrong_download_is_refused_and_not_kept(small, mirror, cache, source, spoil):
    serve(mirror[0], small[1] | {IMAGES: spoil(small[1][IMAGES])})
    with pytest.raises(data.DataError, match="hash differs"):
        data.mnist("test")
    assert files_in(cache.parent) == []


def test_a_download_that_breaks_off_is_refused_and_not_kept(small, mirror, cache, source, monkeypatch):
    """The server promises more than it sends."""
    original = http.server.SimpleHTTPRequestHandler.send_header

    def promise_more(self, keyword, value):
        original(self, keyword, str(int(value) + 100) if keyword == "Content-Length" else value)

    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "send_header", promise_more)
    serve(mirror[0], small[1])
    with pytest.raises(data.DataError, match=r"broke off|no connection"):
        data.mnist("test")
    assert files_in(cache.parent) == []


def test_a_full_disk_is_said_and_nothing_is_kept(small, mirror, cache, source, monkeypatch):
    def no_space(self, *arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    serve(mirror[0], small[1])
    monkeypatch.setattr(data.pooch.HTTPDownloader, "__call__", no_space)
    with pytest.raises(data.DataError, match=r"could not be written to .*No space left on device.*Make room"):
        data.mnist("test")
    assert files_in(cache.parent) == []


def test_a_cache_that_cannot_be_written_is_said(small, mirror, cache, source):
    serve(mirror[0], small[1])
    cache.parent.mkdir(parents=True)
    cache.write_text("a file where the folder should be")
    with pytest.raises(data.DataError, match="could not be written to"):
        data.mnist("test")


def test_a_spoilt_file_in_the_cache_is_fetched_anew(small, mirror, cache, source):
    serve(mirror[0], small[1])
    cache.mkdir(parents=True)
    (cache / IMAGES).write_bytes(b"half a file")
    assert np.allclose(data.mnist("test")[0], small[0] / 255, atol=1e-7)


def test_ones_own_folder_is_looked_in_first(small, tmp_path, monkeypatch, source):
    """No server has these files: they can only come from the folder."""
    own = tmp_path / "own"
    (own / "mnist").mkdir(parents=True)
    serve(own / "mnist", small[1])
    monkeypatch.setenv("NNBRAIN_DATA", str(own))
    assert data.mnist("test")[1].tolist() == [7, 0, 4]


def test_a_spoilt_file_in_ones_own_folder_is_refused_and_left_alone(
    small, tmp_path, mirror, cache, source, monkeypatch
):
    """Nothing falls back in silence: the good file on the mirror is not taken instead."""
    serve(mirror[0], small[1])
    own = tmp_path / "own"
    (own / "mnist").mkdir(parents=True)
    serve(own / "mnist", small[1] | {IMAGES: small[1][IMAGES][:-5]})
    monkeypatch.setenv("NNBRAIN_DATA", str(own))
    with pytest.raises(data.DataError, match=r"is not the file it should be: its md5 is .*Replace or remove it"):
        data.mnist("test")
    assert files_in(own) == sorted(small[1])


def test_an_unreadable_file_in_ones_own_folder_is_said(tmp_path, source, monkeypatch):
    (tmp_path / "mnist" / IMAGES).mkdir(parents=True)  # a folder where the file should be
    monkeypatch.setenv("NNBRAIN_DATA", str(tmp_path))
    with pytest.raises(data.DataError, match="cannot be read"):
        data.mnist("test")


def test_a_folder_that_is_none_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("NNBRAIN_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(data.DataError, match="is no folder"):
        data.mnist("test")


@pytest.mark.parametrize(
    "content",
    [b"not compressed", idx(np.zeros(3)), idx(np.zeros((3, 4, 4)))[:-12]],
    ids=["not compressed", "labels", "truncated"],
)
def test_a_file_of_another_format_is_refused(tmp_path, monkeypatch, content):
    """Its hash is right, so it is what was asked for; but it holds no images."""
    hashes = {IMAGES: "md5:" + hashlib.md5(content).hexdigest()}
    monkeypatch.setattr(data, "_MNIST", replace(data._MNIST, hashes=hashes))
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / IMAGES).write_bytes(content)
    monkeypatch.setenv("NNBRAIN_DATA", str(tmp_path))
    with pytest.raises(data.DataError, match=f"{IMAGES} cannot be read"):
        data.mnist("test")


def test_unknown_split_is_refused():
    with pytest.raises(ValueError, match="'train' or 'test', got 'all'"):
        data.mnist("all")


def test_objects92_reads_the_authors_files(tmp_path, monkeypatch):
    """Made-up files of the same layout: what goes in comes out."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (92, 175, 175, 3), dtype=np.uint8)
    categories = rng.integers(0, 2, (92, 12), dtype=np.uint8)
    monkey, human = rng.random((2, 92 * 91 // 2))
    rdms = rng.random((4, 2, 92, 92)).astype(np.float32)
    entries = np.empty((4, 2), dtype=[("RDM", "O"), ("name", "O"), ("color", "O")])
    for subject in range(4):
        for session in range(2):
            entries[subject, session] = (rdms[subject, session], f"hIT | {subject} | Session: {session}", [0, 0, 0])
    objects = np.empty(92, dtype=[("category", "O"), ("image", "O")])
    for k in range(92):
        objects[k] = (f"category {k}", images[k])
    figure = np.empty(2, dtype=[("name", "O"), ("color", "O"), ("RDM", "O")])
    figure[0], figure[1] = ("mIT_674neurons", [0, 0, 0], monkey), ("hITvisStim_316vx", [0, 0, 0], human)
    folder = tmp_path / "objects92"
    folder.mkdir()
    brains, paper = data._OBJECTS92.hashes
    scipy.io.savemat(folder / brains, {"RDMs": entries})
    labels = np.array([f"label {k}" for k in range(12)], dtype=object)
    contents = {
        "stimuli_92objs": objects,
        "categoryVectors": categories,
        "categoryLabels": labels,
        "RDMs_mIT_hIT_fig1": figure,
    }
    scipy.io.savemat(folder / paper, contents, do_compression=True)
    hashes = {name: "sha256:" + hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (brains, paper)}
    monkeypatch.setattr(data, "_OBJECTS92", replace(data._OBJECTS92, hashes=hashes))
    monkeypatch.setenv("NNBRAIN_DATA", str(tmp_path))

    found = data.objects92()
    assert np.array_equal(found.images, images)
    assert np.array_equal(found.categories, categories.astype(bool))
    assert found.category_names == labels.tolist()
    assert np.array_equal(found.human_rdms, rdms)
    upper = np.triu_indices(92, 1)
    assert np.allclose(found.monkey_rdm[upper], monkey) and np.allclose(found.monkey_rdm, found.monkey_rdm.T)


def test_simulated_objects_have_the_form_of_the_real_ones():
    found, known = data.simulated_objects92()
    assert found.images.shape == (92, 32, 32, 3) and found.images.dtype == np.uint8
    assert found.human_rdms.shape == (4, 2, 92, 92) and found.monkey_rdm.shape == (92, 92) == known.shape
    assert found.categories.shape == (92, len(found.category_names)) and found.categories.dtype == bool
    kinds = {
        name: set(np.flatnonzero(column)) for name, column in zip(found.category_names, found.categories.T, strict=True)
    }
    assert kinds["animate"] == kinds["human"] | kinds["nonhumani"] == kinds["face"] | kinds["body"]
    assert kinds["inanim"] == kinds["natObj"] | kinds["artiObj"]
    assert not kinds["animate"] & kinds["inanim"]


def test_what_simulated_brains_have_in_common_explains_them_as_well_as_anything_can():
    found, known = data.simulated_objects92()
    human = torch.as_tensor(found.human_rdms).mean(1)
    ceiling = noise_ceiling(human, "spearman")
    assert ceiling.lower < compare_rdms(torch.as_tensor(known).float(), human, "spearman").mean() < ceiling.upper


def test_simulated_objects_depend_on_the_seed_alone():
    (one, _), (again, _), (other, _) = (data.simulated_objects92(seed) for seed in (0, 0, 1))
    assert np.array_equal(one.images, again.images) and np.array_equal(one.human_rdms, again.human_rdms)
    assert not np.array_equal(one.human_rdms, other.human_rdms)


@pytest.mark.skipif(not (REAL / "mnist" / IMAGES).exists(), reason="NNBRAIN_DATA names no folder with MNIST's test set")
def test_the_real_mnist():
    images, labels = data.mnist("test")
    assert images.shape == (10000, 28, 28)
    assert np.bincount(labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.mark.skipif(not (REAL / "objects92").is_dir(), reason="NNBRAIN_DATA names no folder with the 92 objects")
def test_the_real_objects_give_the_published_correlation():
    """Human IT against monkey IT over the 4,186 pairs: .49 (Kriegeskorte et al. 2008)."""
    found = data.objects92()
    assert found.images.shape == (92, 175, 175, 3)
    human, monkey = torch.as_tensor(found.human_rdms).mean((0, 1)), torch.as_tensor(found.monkey_rdm)
    assert round(float(compare_rdms(human, monkey)), 2) == 0.49


def test_fetch_all_fetches_what_is_missing_and_says_what_it_cannot_have(
    source, cache, mirror, small, monkeypatch, capsys
):
    serve(mirror[0], small[1])
    monkeypatch.setattr(data, "mnist", lambda split: data._locate(data._MNIST, IMAGES))
    with monkeypatch.context() as out_of_reach:
        out_of_reach.setattr(data, "_OBJECTS92", replace(data._OBJECTS92, mirrors=(mirror[1],)))
        assert not data.fetch_all()
    assert "objects92: 92_brainRDMs.mat could be fetched from nowhere" in capsys.readouterr().out
    assert files_in(cache) == [IMAGES]
    monkeypatch.setattr(data, "objects92", lambda: None)
    assert data.fetch_all()
    assert capsys.readouterr().out == "All data sets are at hand.\n"
