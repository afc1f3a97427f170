"""Data sets: embedded, or fetched once and checked against a hash. Nothing here falls back to other data in silence.

A file is looked for in the folder that the environment variable ``NNBRAIN_DATA`` names (``mnist/…``, ``objects92/…``), then in
the cache, and only then fetched, from each mirror in turn.
"""

import gzip
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pooch
import requests
from scipy.io import loadmat
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import squareform
from sklearn.datasets import load_digits, load_sample_image


class DataError(RuntimeError):
    """A data set cannot be had; the message says why and what to do."""


@dataclass(frozen=True)
class _Source:
    """Files that are fetched from the same places, with the hash of each."""

    folder: str
    mirrors: tuple[str, ...]
    hashes: dict[str, str]


_MNIST = _Source(
    "mnist",
    ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
    {
        "train-images-idx3-ubyte.gz": "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "md5:d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "md5:9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "md5:ec29112dd5afa0611ce80d1b7f02629c",
    },
)

_OBJECTS92 = _Source(
    "objects92",
    (
        "https://raw.githubusercontent.com/rsagroup/rsatoolbox/f1f83cadb7243492a1aae7460466e0f0140b20ac/demos/92imageData/",
        "https://github.com/rsagroup/rsatoolbox/raw/f1f83cadb7243492a1aae7460466e0f0140b20ac/demos/92imageData/",
    ),
    {
        "92_brainRDMs.mat": "sha256:1743f90a15e895798a94318649e80e1123a7e5943a1703fa1dd7c31ea5780b7c",
        "Kriegeskorte_Neuron2008_supplementalData.mat": (
            "sha256:06f21214399a5d43dc264eed19a7f4b8daf11c8622a59eec3e106064ce5e3504"
        ),
    },
)


def digits() -> tuple[np.ndarray, np.ndarray]:
    """1,797 handwritten digits that come with scikit-learn: no download.

    Returns
    -------
    images : ndarray of float32
        1797 × 8 × 8, from 0 (paper) to 1 (ink).
    labels : ndarray of int64
        (1797,), 0 to 9.

    Source: Alpaydin & Kaynak 1998, "Optical recognition of handwritten digits", UCI repository (its test set).
    """
    bundle = load_digits()
    return (bundle.images / 16).astype(np.float32), bundle.target.astype(np.int64)


def photographs() -> np.ndarray:
    """The two photographs that come with scikit-learn, a Chinese palace and a dahlia, in grey: no download.

    Returns
    -------
    ndarray of float32
        2 × 427 × 640, luminance from 0 (black) to 1 (white), as the files store it (gamma-compressed).

    Raises
    ------
    DataError
        If Pillow, which reads the files, is not installed.

    Source: photographs by danielbuechele and vultilion (Flickr, CC BY 2.0), in sklearn.datasets.load_sample_images.
    """
    try:
        images = [load_sample_image(f"{name}.jpg") for name in ("china", "flower")]
    except ImportError as error:
        raise DataError(f"the photographs cannot be read: {error}. Install Pillow: pip install pillow.") from error
    return (np.stack(images) @ np.array([0.299, 0.587, 0.114]) / 255).astype(np.float32)  # ITU-R BT.601


def mnist(split: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """MNIST, the Primer's handwritten digits: fetched once (12 MB), then read from the cache.

    Parameters
    ----------
    split : {"train", "test"}
        60,000 or 10,000 images.

    Returns
    -------
    images : ndarray of float32
        images × 28 × 28, from 0 (paper) to 1 (ink).
    labels : ndarray of int64
        (images,), 0 to 9.

    Raises
    ------
    ValueError
        If the split is unknown.
    DataError
        If a file can be neither found nor fetched, or is not what it should be.

    Source: LeCun, Bottou, Bengio & Haffner 1998.
    """
    if split not in ("train", "test"):
        raise ValueError(f"split is 'train' or 'test', got {split!r}.")
    stem = {"train": "train", "test": "t10k"}[split]
    images = _read(_MNIST, f"{stem}-images-idx3-ubyte.gz", partial(_idx, dimensions=3))
    labels = _read(_MNIST, f"{stem}-labels-idx1-ubyte.gz", partial(_idx, dimensions=1))
    return images.astype(np.float32) / 255, labels.astype(np.int64)


@dataclass(frozen=True)
class Objects92:
    """The 92 object photographs and the brain's responses to them (Kriegeskorte et al. 2008).

    Attributes
    ----------
    images : ndarray of uint8
        92 × 175 × 175 × 3, RGB.
    categories : ndarray of bool
        92 × 12: which categories each object belongs to (they overlap).
    category_names : list of str
        The 12 names, as the authors wrote them.
    human_rdms : ndarray of float32
        4 subjects × 2 sessions × 92 × 92: dissimilarity, 1 − correlation, of responses in inferior temporal cortex (fMRI).
    monkey_rdm : ndarray of float64
        92 × 92: the same from 674 neurons in the inferior temporal cortex of two monkeys.
    """

    images: np.ndarray
    categories: np.ndarray
    category_names: list[str]
    human_rdms: np.ndarray
    monkey_rdm: np.ndarray


def objects92() -> Objects92:
    """The 92 objects of Kriegeskorte et al. (2008), with human and monkey IT: fetched once (4 MB), then read from the cache.

    The rights to the photographs are not established: use them, but do not pass them on.

    Returns
    -------
    Objects92

    Raises
    ------
    DataError
        If a file can be neither found nor fetched, or is not what it should be.

    Source: Kriegeskorte et al. 2008, Neuron 60, 1126-1141; files from the rsatoolbox project.
    """
    brains = _read(_OBJECTS92, "92_brainRDMs.mat", _mat)
    paper = _read(_OBJECTS92, "Kriegeskorte_Neuron2008_supplementalData.mat", _mat)
    names = list(paper["RDMs_mIT_hIT_fig1"]["name"])
    return Objects92(
        images=np.stack(list(paper["stimuli_92objs"]["image"])),
        categories=paper["categoryVectors"].astype(bool),
        category_names=[str(name) for name in paper["categoryLabels"]],
        human_rdms=np.stack([np.stack(list(sessions)) for sessions in brains["RDMs"]["RDM"]]),
        monkey_rdm=squareform(paper["RDMs_mIT_hIT_fig1"]["RDM"][names.index("mIT_674neurons")]),
    )


def simulated_objects92(seed: int = 0) -> tuple[Objects92, np.ndarray]:
    """Made-up objects and brains in the form of `objects92`, for working without its files. Say so in every picture.

    92 images of six kinds (a blurred pattern each, with variations); responses of four simulated subjects and a simulated monkey,
    which are random weighted sums of the same features, the kind of the object above all, with noise. Other than in a real
    experiment it is known what the brains have in common.

    Parameters
    ----------
    seed : int

    Returns
    -------
    Objects92
        The images 92 × 32 × 32 × 3, and everything else as from `objects92`.
    ndarray of float64
        92 × 92: the dissimilarity matrix of the features, to which all the brains' matrices tend without noise.
    """
    random = np.random.default_rng(seed)
    kinds = np.repeat(np.arange(6), (12, 12, 12, 12, 23, 21))  # as many as there are of each in the experiment
    categories = np.stack([np.isin(kinds, which) for _, which in _KINDS], axis=1)
    patterns = gaussian_filter(random.standard_normal((6, 32, 32, 3)), (0, 3, 3, 0))
    variations = gaussian_filter(random.standard_normal((92, 32, 32, 3)), (0, 2, 2, 0))
    images = patterns[kinds] / patterns.std() + 1.5 * variations / variations.std()
    features = np.concatenate([1.0 * categories, random.standard_normal((92, 6)) / 2], axis=1)

    def brain(units: int, noise: float) -> np.ndarray:
        responses = (features - features.mean(0)) @ random.standard_normal((features.shape[1], units))
        return 1 - np.corrcoef(responses / responses.std() + noise * random.standard_normal((92, units)))

    known = 1 - np.corrcoef((features - features.mean(0)) @ random.standard_normal((features.shape[1], 20_000)))
    simulated = Objects92(
        images=np.clip(128 + 40 * images, 0, 255).astype(np.uint8),
        categories=categories,
        category_names=[name for name, _ in _KINDS],
        human_rdms=np.array([[brain(100, 4.0) for _ in range(2)] for _ in range(4)], dtype=np.float32),
        monkey_rdm=brain(674, 4.0),
    )
    return simulated, known


# Categories of the experiment, and which of six kinds of object belong to each: human bodies and faces, those of other animals,
# natural and artificial objects.
_KINDS = (
    ("animate", (0, 1, 2, 3)),
    ("inanim", (4, 5)),
    ("human", (0, 1)),
    ("nonhumani", (2, 3)),
    ("body", (0, 2)),
    ("face", (1, 3)),
    ("natObj", (4,)),
    ("artiObj", (5,)),
)


def _read(source: _Source, name: str, parse: Callable[[Path], Any]) -> Any:
    path = _locate(source, name)
    try:
        return parse(path)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}. Delete it and call again.") from error


def _locate(source: _Source, name: str) -> Path:
    """Where the file lies, its hash checked: in the reader's own folder, or in the cache after fetching it if need be."""
    own = os.environ.get("NNBRAIN_DATA")
    if not own:
        return _fetch(source, name)
    folder = Path(own).expanduser()
    if not folder.is_dir():
        raise DataError(f"NNBRAIN_DATA={own!r} is no folder. Correct it, or unset it to fetch {name} into the cache.")
    path = folder / source.folder / name
    if not path.exists():
        return _fetch(source, name)
    algorithm, expected = source.hashes[name].split(":")
    try:
        found = pooch.file_hash(str(path), alg=algorithm)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}. Mend it, or unset NNBRAIN_DATA to use the cache.") from error
    if found != expected:
        raise DataError(
            f"{path} is not the file it should be: its {algorithm} is {found}, expected {expected} ({path.stat().st_size} bytes: "
            "truncated, or another version?). Replace or remove it, or unset NNBRAIN_DATA to use the cache."
        )
    return path


def _fetch(source: _Source, name: str) -> Path:
    cache = Path(pooch.os_cache("nnbrain")) / source.folder
    failures = []
    for mirror in source.mirrors:
        try:
            fetch = pooch.HTTPDownloader(progressbar=True, timeout=30)
            with _quiet_pooch():  # its log says where it tries; the progress bar and our message say what comes of it
                return Path(pooch.retrieve(mirror + name, source.hashes[name], name, cache, downloader=fetch))
        except (requests.RequestException, ValueError) as error:  # no network, no such file; pooch: not the hash
            failures.append(f"  {mirror + name}: {_reason(error)}")
        except OSError as error:
            raise DataError(
                f"{name} could not be written to {cache}: {error.strerror or error}. Make room there, or put the file into "
                f"{source.folder}/ in a folder that you name in the environment variable NNBRAIN_DATA."
            ) from error
    if own := os.environ.get("NNBRAIN_DATA"):
        failures.insert(0, f"  {Path(own).expanduser() / source.folder / name}: no such file")
    raise DataError(
        f"{name} could be fetched from nowhere:\n"
        + "\n".join(failures)
        + "\nConnect to the internet and call again; or fetch it "
        f"elsewhere and put it into {source.folder}/ in a folder that you name in the environment variable NNBRAIN_DATA."
    )


@contextmanager
def _quiet_pooch() -> Iterator[None]:
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")
    try:
        yield
    finally:
        logger.setLevel(level)


def _reason(error: Exception) -> str:
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    if isinstance(error, requests.Timeout):
        return "no answer within 30 s"
    if isinstance(error, requests.HTTPError):
        return f"the server answered {error.response.status_code}"
    if isinstance(error, requests.RequestException):
        return f"the download broke off ({type(error).__name__})"
    return "what came is not the file it should be (its hash differs); nothing of it was kept"


def _idx(path: Path, dimensions: int) -> np.ndarray:
    """An array of bytes in MNIST's format: a magic number, the size of each dimension (big-endian), the data."""
    with gzip.open(path) as file:
        content = file.read()
    header = np.frombuffer(content[: 4 + 4 * dimensions], dtype=">u4")
    if len(header) != 1 + dimensions or header[0] != 0x0800 + dimensions:
        raise ValueError(f"no file of bytes in {dimensions} dimensions")
    return np.frombuffer(content, dtype=np.uint8, offset=header.nbytes).reshape(header[1:])


def _mat(path: Path) -> dict[str, Any]:
    return loadmat(path, squeeze_me=True)


def fetch_all() -> bool:
    """Fetch every data set that is not at hand yet, so that notebooks need no internet; says what came of it.

    Returns
    -------
    bool
        Whether all of them are at hand now.
    """
    missing = []
    for name, load in (("mnist", partial(mnist, "train")), ("mnist", partial(mnist, "test")), ("objects92", objects92)):
        try:
            load()
        except DataError as error:
            missing.append(f"{name}: {error}")
    print("\n".join(missing) or "All data sets are at hand.")
    return not missing
