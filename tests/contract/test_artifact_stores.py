"""What ZenML expects of an artifact store: the same behaviour of its own local store, of ours over HTTP, and of ours where it is mounted.

Where they have to differ, the test says why.
"""

import gzip
import os
import shutil
import stat
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from zenml.artifact_stores import BaseArtifactStore
from zenml.artifact_stores.local_artifact_store import LocalArtifactStore, LocalArtifactStoreConfig
from zenml.enums import StackComponentType

from rehearsal.emulator.server import serving
from rehearsal.emulator.workspace import Workspace
from stacks.databricks.volumes_artifact_store import VolumesArtifactStore, VolumesArtifactStoreConfig

CONTENT = b"one\ntwo\nthree\n"


def component(kind: type[BaseArtifactStore], config: Any) -> Any:
    now = datetime.now(UTC)
    kind_type = StackComponentType.ARTIFACT_STORE
    return kind(name="s", id=uuid4(), config=config, flavor="f", type=kind_type, user=uuid4(), created=now, updated=now)


def local(tmp_path: Path, workspace: Workspace) -> Any:
    """ZenML's own."""
    return component(LocalArtifactStore, LocalArtifactStoreConfig(path=str(tmp_path / "store")))


def api(tmp_path: Path, workspace: Workspace) -> Any:
    """A folder of a volume, over HTTP."""
    volume = workspace.catalog.create_volume("main", "default", f"v{uuid4().hex}").full_name.replace(".", "/")
    mount = str(tmp_path / "not mounted")
    config = VolumesArtifactStoreConfig(path=f"uc://{volume}/store", host=workspace.host, token=workspace.token, mount=mount)
    return component(VolumesArtifactStore, config)


def mounted(tmp_path: Path, workspace: Workspace) -> Any:
    """A folder of a volume that is mounted; nothing answers at its host."""
    (tmp_path / "Volumes/main/default/files").mkdir(parents=True)
    config = VolumesArtifactStoreConfig(
        path="uc://main/default/files/store", host="https://nobody.invalid", mount=str(tmp_path / "Volumes")
    )
    return component(VolumesArtifactStore, config)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    with serving(workspace):
        yield workspace


@pytest.fixture(params=[local, api, mounted])
def store(request: pytest.FixtureRequest, tmp_path: Path, workspace: Workspace) -> Any:
    """Each store, with an empty directory as its root."""
    adapter: Callable[[Path, Workspace], Any] = request.param
    store = adapter(tmp_path, workspace)
    store.makedirs(store.path)
    return store


@pytest.fixture
def root(store: Any) -> str:
    return str(store.path)


@pytest.fixture
def file(store: Any, root: str) -> str:
    """A file of three lines."""
    write(store, f"{root}/file.txt", CONTENT)
    return f"{root}/file.txt"


@pytest.fixture
def tree(store: Any, root: str) -> str:
    """`a.txt`, `.hidden`, `d/b.txt`, `d/e/c.csv` and an empty directory, in a directory of their own."""
    store.makedirs(f"{root}/tree/d/e")
    store.mkdir(f"{root}/tree/empty")
    for name in ["a.txt", ".hidden", "d/b.txt", "d/e/c.csv"]:
        write(store, f"{root}/tree/{name}", name.encode())
    return f"{root}/tree"


def write(store: Any, path: str, content: bytes) -> None:
    with store.open(path, "wb") as file:
        file.write(content)


def read(store: Any, path: str) -> bytes:
    with store.open(path, "rb") as file:
        return bytes(file.read())


def names(store: Any, top: str) -> list[str]:
    """All files and directories below, relative to `top`, directories with a slash."""
    found = []
    for folder, directories, files in store.walk(top):
        found += [f"{folder}/{name}/" for name in directories] + [f"{folder}/{name}" for name in files]
    return sorted(name.removeprefix(f"{top}/") for name in found)


# open, to read


def test_open_reads_bytes(store: Any, file: str) -> None:
    with store.open(file, "rb") as content:
        assert [content.readable(), content.seekable(), content.writable()] == [True, True, False]
        assert [content.read(4), content.readline(), content.read(), content.read()] == [b"one\n", b"two\n", b"three\n", b""]
    assert content.closed


@pytest.mark.parametrize("mode", ["r", "rt"])
def test_open_reads_text_as_utf8(store: Any, root: str, mode: str) -> None:
    write(store, f"{root}/t", "ü\r\nname 名\n".encode())
    with store.open(f"{root}/t", mode) as content:
        assert list(content) == ["ü\n", "name 名\n"]
    with store.open(f"{root}/t") as content:
        assert content.read() == "ü\nname 名\n"


def test_open_reads_from_any_place(store: Any, file: str) -> None:
    with store.open(file, "rb") as content:
        assert content.seek(-6, os.SEEK_END) == 8
        assert content.read(3) == b"thr"
        assert content.tell() == 11
        assert content.seek(1) == 1
        assert content.read(2) == b"ne"
        assert content.seek(1, os.SEEK_CUR) == 4
        assert content.read() == b"two\nthree\n"
        content.seek(100)
        assert content.read() == b""
        with pytest.raises((OSError, ValueError)):
            content.seek(-1)


def test_open_reads_an_empty_file(store: Any, root: str) -> None:
    write(store, f"{root}/empty", b"")
    assert read(store, f"{root}/empty") == b""


def test_open_reads_what_is_larger_than_its_buffers(store: Any, root: str) -> None:
    content = os.urandom(3_000_001)
    write(store, f"{root}/large", content)
    assert read(store, f"{root}/large") == content
    with store.open(f"{root}/large", "rb") as file:
        assert b"".join(iter(lambda: file.read(65_537), b"")) == content
        file.seek(2_999_990)
        assert file.read() == content[2_999_990:]


def test_open_to_write_does_not_read(store: Any, root: str) -> None:
    with store.open(f"{root}/f", "wb") as file, pytest.raises(OSError, match="read"):
        file.read()


@pytest.mark.parametrize("mode", ["r", "rb", "r+", "rb+"])
def test_open_refuses_a_missing_file(store: Any, root: str, mode: str) -> None:
    with pytest.raises(FileNotFoundError):
        store.open(f"{root}/no", mode)
    with pytest.raises(FileNotFoundError):
        store.open(f"{root}/no/file", mode)
    assert store.listdir(root) == []


@pytest.mark.parametrize("mode", ["r", "w", "a", "r+"])
def test_open_refuses_a_directory(store: Any, tree: str, mode: str) -> None:
    """Ours is told only when the content goes up, so that a write costs one request."""
    for path in [f"{tree}/d", f"{tree}/d/"]:
        with pytest.raises(IsADirectoryError), store.open(path, mode):
            pass
    assert names(store, f"{tree}/d") == ["b.txt", "e/", "e/c.csv"]


@pytest.mark.parametrize("mode", ["", "b", "q", "rw", "wr", "rr", "r++", "rbt", "U", "w a"])
def test_open_refuses_a_mode_that_is_none(store: Any, file: str, mode: str) -> None:
    with pytest.raises(ValueError, match="mode"):
        store.open(file, mode)
    assert read(store, file) == CONTENT


# open, to write


def test_open_writes_text_as_utf8(store: Any, root: str) -> None:
    with store.open(f"{root}/t", "w") as file:
        assert file.write("ü 名\n") == 4
        file.writelines(["a\n", "b\n"])
    assert read(store, f"{root}/t") == "ü 名\na\nb\n".encode()


@pytest.mark.parametrize("mode", ["w", "wb", "wt", "w+", "wb+", "bw"])
def test_open_to_write_replaces(store: Any, file: str, mode: str) -> None:
    with store.open(file, mode) as content:
        content.write(b"new" if "b" in mode else "new")
    assert read(store, file) == b"new"


def test_open_to_write_without_writing_empties(store: Any, file: str) -> None:
    store.open(file, "w").close()
    assert read(store, file) == b""


def test_open_to_write_can_seek(store: Any, root: str) -> None:
    with store.open(f"{root}/f", "wb") as file:
        file.write(b"hello world")
        file.seek(6)
        file.write(b"W")
        assert file.tell() == 7
    assert read(store, f"{root}/f") == b"hello World"


def test_open_to_write_and_read(store: Any, root: str) -> None:
    with store.open(f"{root}/f", "w+") as file:
        file.write("hello")
        file.seek(0)
        assert file.read() == "hello"
    assert read(store, f"{root}/f") == b"hello"


@pytest.mark.parametrize("mode", ["a", "ab", "a+", "ab+"])
def test_open_appends(store: Any, file: str, mode: str) -> None:
    with store.open(file, mode) as content:
        assert content.tell() == 14
        content.write(b"four" if "b" in mode else "four")
    assert read(store, file) == CONTENT + b"four"


@pytest.mark.parametrize("mode", ["a", "ab"])
def test_open_to_append_makes_a_file(store: Any, root: str, mode: str) -> None:
    with store.open(f"{root}/f", mode) as file:
        file.write(b"x" if "b" in mode else "x")
    assert read(store, f"{root}/f") == b"x"


@pytest.mark.parametrize("mode", ["r+", "rb+"])
def test_open_changes_a_file(store: Any, file: str, mode: str) -> None:
    with store.open(file, mode) as content:
        assert content.read(3) in {"one", b"one"}
        content.seek(0)
        content.write(b"ONE" if "b" in mode else "ONE")
    assert read(store, file) == b"ONE\ntwo\nthree\n"


def test_open_makes_a_new_file_and_no_second(store: Any, root: str, file: str) -> None:
    with store.open(f"{root}/new", "x") as content:
        content.write("x")
    assert read(store, f"{root}/new") == b"x"
    store.mkdir(f"{root}/d")
    for path in [f"{root}/new", file, f"{root}/d"]:
        with pytest.raises(FileExistsError):
            store.open(path, "x")
    assert read(store, file) == CONTENT


def test_open_refuses_to_write_below_a_file(store: Any, file: str) -> None:
    for path in [f"{file}/below", f"{file}/far/below"]:
        with pytest.raises(NotADirectoryError), store.open(path, "w"):
            pass
    assert read(store, file) == CONTENT


def test_open_refuses_names_that_cannot_be(store: Any, root: str) -> None:
    with pytest.raises(OSError, match="too long"):
        store.open(f"{root}/{'x' * 256}", "w")
    for call in [lambda path: store.open(path, "w"), store.exists]:
        with pytest.raises(ValueError, match=r"null byte|control character"):
            call(f"{root}/a\x00b")


def test_open_to_write_where_no_directory_is(store: Any, root: str) -> None:
    """The Files API makes the directories above a file, as all object stores do; to ask first would cost a request for every file."""
    if isinstance(store, LocalArtifactStore):
        with pytest.raises(FileNotFoundError):
            store.open(f"{root}/new/deep/f", "w")
    else:
        write(store, f"{root}/new/deep/f", b"x")
        assert names(store, root) == ["new/", "new/deep/", "new/deep/f"]


def test_a_body_that_fails_writes_nothing(store: Any, file: str) -> None:
    """Of ours nothing shows before a file is closed without an error; a local file is written on the way."""

    def fail() -> None:
        with store.open(file, "wb") as content:
            content.write(b"half")
            content.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert read(store, file) == (b"half" if isinstance(store, LocalArtifactStore) else CONTENT)


def test_what_is_written_is_a_draft_until_it_is_closed(store: Any, root: str) -> None:
    if isinstance(store, LocalArtifactStore):
        pytest.skip("a local file shows at once")
    draft = store.open(f"{root}/f", "w")
    draft.write("x")
    draft.flush()
    assert not store.exists(f"{root}/f")
    draft.close()
    draft.close()
    assert read(store, f"{root}/f") == b"x"
    with pytest.raises(ValueError, match="closed"):
        draft.write("y")
    abandoned = store.open(f"{root}/g", "w")
    abandoned.write("x")
    del abandoned
    assert store.listdir(root) == ["f"]


def test_libraries_write_and_read_through_an_open_file(store: Any, root: str) -> None:
    """Some open a file again by its name, some look for its end first, some write its head at last."""
    frame, array = pd.DataFrame({"a": range(1000)}), np.arange(1000)
    with store.open(f"{root}/p", "wb") as file:
        frame.to_parquet(file)
    with store.open(f"{root}/p", "rb") as file:
        assert pd.read_parquet(file).equals(frame)
    with store.open(f"{root}/c", "w") as text:
        frame.to_csv(text, index=False)
    with store.open(f"{root}/c", "r") as text:
        assert pd.read_csv(text).equals(frame)
    with store.open(f"{root}/n", "wb") as file:
        np.save(file, array)
    with store.open(f"{root}/n", "rb") as file:
        assert np.array_equal(np.load(file), array)
    with store.open(f"{root}/z", "wb") as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr("member", CONTENT)
    with store.open(f"{root}/z", "rb") as file, zipfile.ZipFile(file) as archive:
        assert archive.read("member") == CONTENT
    with store.open(f"{root}/g", "wb") as file, gzip.open(file, "wb") as archive:
        archive.write(CONTENT)
    with store.open(f"{root}/g", "rb") as file, gzip.open(file, "rb") as archive:
        assert archive.read() == CONTENT
    with store.open(f"{root}/a", "wb") as file:
        pyarrow.parquet.write_table(pyarrow.table({"a": array}), file)
    with store.open(f"{root}/a", "rb") as file:
        assert pyarrow.parquet.read_table(file)["a"].to_pylist() == array.tolist()


# exists, isdir, stat, size


def test_exists_tells_files_and_directories_from_nothing(store: Any, root: str, tree: str) -> None:
    for path in [root, f"{root}/", tree, f"{tree}/", f"{tree}/a.txt", f"{tree}/d/e", f"{tree}//d/./e/../b.txt", f"{tree}/empty"]:
        assert store.exists(path), path
    for path in [f"{tree}/no", f"{tree}/no/a.txt", f"{tree}/a.txt/", f"{tree}/a.txt/x", f"{tree}/A.TXT", f"{tree}/{'x' * 256}"]:
        assert not store.exists(path), path


def test_isdir_tells_directories(store: Any, root: str, tree: str) -> None:
    assert [store.isdir(path) for path in [root, tree, f"{tree}/d/e", f"{tree}/empty/"]] == [True] * 4
    assert [store.isdir(f"{tree}/{name}") for name in ["a.txt", "no", "no/d", "x" * 256]] == [False] * 4


def test_stat_tells_kind_size_and_time(store: Any, tree: str) -> None:
    file, directory = store.stat(f"{tree}/a.txt"), store.stat(f"{tree}/d")
    assert (stat.S_ISREG(file.st_mode), stat.S_ISDIR(file.st_mode), file.st_size) == (True, False, 5)
    assert stat.S_ISDIR(directory.st_mode)
    assert abs(file.st_mtime - time.time()) < 60
    assert abs(file.st_mtime_ns / 1e9 - file.st_mtime) < 0.01


def test_size_is_in_bytes(store: Any, root: str, file: str) -> None:
    write(store, f"{root}/ü", "ü".encode())
    assert [store.size(file), store.size(f"{root}/ü")] == [14, 2]


def test_size_of_a_directory(store: Any, tree: str) -> None:
    """Locally it is that of the entry on disk, which says nothing; a volume has none."""
    assert store.size(tree) > 0 if isinstance(store, LocalArtifactStore) else store.size(tree) == 0


@pytest.mark.parametrize("method", ["stat", "size", "listdir", "remove", "rmtree"])
def test_what_is_missing_is_not_found(store: Any, root: str, method: str) -> None:
    for path in [f"{root}/no", f"{root}/no/file"]:
        with pytest.raises(FileNotFoundError):
            getattr(store, method)(path)


# listdir, glob, walk


def test_listdir_gives_names(store: Any, tree: str) -> None:
    assert sorted(store.listdir(tree)) == [".hidden", "a.txt", "d", "empty"]
    assert store.listdir(f"{tree}/empty/") == []


def test_listdir_refuses_a_file(store: Any, file: str) -> None:
    with pytest.raises(NotADirectoryError):
        store.listdir(file)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*", ["a.txt", "d", "empty"]),
        (".*", [".hidden"]),
        ("*.txt", ["a.txt"]),
        ("?.txt", ["a.txt"]),
        ("[ab].txt", ["a.txt"]),
        ("[!a].txt", []),
        ("*/*", ["d/b.txt", "d/e"]),
        ("*/", ["d/", "empty/"]),
        ("d/*/*.csv", ["d/e/c.csv"]),
        ("**/*.csv", []),
        ("**/b.txt", ["d/b.txt"]),
        ("*/e/c.csv", ["d/e/c.csv"]),
        ("d/e/c.csv", ["d/e/c.csv"]),
        ("d", ["d"]),
        ("no", []),
        ("no/*", []),
        ("a.txt/*", []),
    ],
)
def test_glob_matches(store: Any, tree: str, pattern: str, found: list[str]) -> None:
    assert sorted(store.glob(f"{tree}/{pattern}")) == [f"{tree}/{name}" for name in found]


def test_glob_of_the_root_itself(store: Any, root: str) -> None:
    assert store.glob(root) == [root]


def test_walk_goes_down(store: Any, tree: str) -> None:
    walked = [(folder, sorted(directories), sorted(files)) for folder, directories, files in store.walk(tree)]
    assert walked[0] == (tree, ["d", "empty"], [".hidden", "a.txt"])
    assert sorted(walked[1:]) == [(f"{tree}/d", ["e"], ["b.txt"]), (f"{tree}/d/e", [], ["c.csv"]), (f"{tree}/empty", [], [])]


def test_walk_goes_up(store: Any, tree: str) -> None:
    walked = [folder for folder, _, _ in store.walk(tree, topdown=False)]
    assert walked.index(f"{tree}/d/e") < walked.index(f"{tree}/d") < walked.index(tree) == 3


def test_walk_leaves_out_what_is_taken_away(store: Any, tree: str) -> None:
    walked = []
    for folder, directories, _ in store.walk(tree):
        walked.append(folder)
        directories[:] = [name for name in directories if name != "d"]
    assert walked == [tree, f"{tree}/empty"]


def test_walk_of_nothing_tells_and_gives_nothing(store: Any, root: str, file: str) -> None:
    errors: list[OSError] = []
    assert list(store.walk(f"{root}/no", onerror=errors.append)) == []
    assert list(store.walk(file, onerror=errors.append)) == []
    assert list(store.walk(f"{root}/no")) == []
    assert [type(error) for error in errors] == [FileNotFoundError, NotADirectoryError]


# makedirs, mkdir


def test_makedirs_makes_all_and_may_be_called_again(store: Any, root: str) -> None:
    store.makedirs(f"{root}/a/b/c")
    store.makedirs(f"{root}/a/b/c/")
    assert names(store, root) == ["a/", "a/b/", "a/b/c/"]


def test_makedirs_refuses_where_a_file_is(store: Any, file: str) -> None:
    with pytest.raises(FileExistsError):
        store.makedirs(file)
    with pytest.raises(NotADirectoryError):
        store.makedirs(f"{file}/d")
    assert read(store, file) == CONTENT


def test_mkdir_makes_one(store: Any, root: str) -> None:
    store.mkdir(f"{root}/d/")
    assert store.isdir(f"{root}/d")


def test_mkdir_refuses_what_is_there_and_what_has_no_parent(store: Any, file: str, tree: str) -> None:
    for path, error in [
        (tree, FileExistsError),
        (f"{tree}/", FileExistsError),
        (file, FileExistsError),
        (f"{tree}/no/d", FileNotFoundError),
        (f"{file}/d", NotADirectoryError),
    ]:
        with pytest.raises(error):
            store.mkdir(path)
    assert not store.exists(f"{tree}/no")


# remove, rmtree


def test_remove_deletes_one_file(store: Any, tree: str) -> None:
    store.remove(f"{tree}/d/b.txt")
    assert names(store, f"{tree}/d") == ["e/", "e/c.csv"]
    with pytest.raises(FileNotFoundError):
        store.remove(f"{tree}/d/b.txt")


def test_remove_leaves_the_directory(store: Any, tree: str) -> None:
    store.remove(f"{tree}/d/e/c.csv")
    assert store.isdir(f"{tree}/d/e")


def test_remove_refuses_a_directory(store: Any, tree: str) -> None:
    for path in [f"{tree}/empty", f"{tree}/d/"]:
        with pytest.raises(OSError, match="directory"):
            store.remove(path)
    assert store.isdir(f"{tree}/empty")


def test_rmtree_deletes_all_and_nothing_beside(store: Any, root: str, tree: str) -> None:
    write(store, f"{tree}-other", b"kept")
    store.rmtree(tree)
    assert names(store, root) == ["tree-other"]


def test_rmtree_refuses_a_file(store: Any, file: str) -> None:
    with pytest.raises(NotADirectoryError):
        store.rmtree(file)
    assert read(store, file) == CONTENT


# copyfile, rename


def test_copyfile_copies_across_directories(store: Any, file: str, tree: str) -> None:
    store.copyfile(file, f"{tree}/d/e/copy")
    assert read(store, f"{tree}/d/e/copy") == read(store, file) == CONTENT


@pytest.mark.parametrize("method", ["copyfile", "rename"])
def test_what_is_there_is_only_replaced_when_asked(store: Any, file: str, tree: str, method: str) -> None:
    for target in [f"{tree}/a.txt", tree]:
        with pytest.raises(FileExistsError):
            getattr(store, method)(file, target)
    assert [read(store, f"{tree}/a.txt"), read(store, file)] == [b"a.txt", CONTENT]
    getattr(store, method)(file, f"{tree}/a.txt", overwrite=True)
    assert read(store, f"{tree}/a.txt") == CONTENT
    assert store.exists(file) is (method == "copyfile")


@pytest.mark.parametrize("method", ["copyfile", "rename"])
def test_a_directory_is_not_replaced_by_a_file(store: Any, file: str, tree: str, method: str) -> None:
    with pytest.raises(IsADirectoryError):
        getattr(store, method)(file, f"{tree}/empty", overwrite=True)
    assert read(store, file) == CONTENT
    assert store.isdir(f"{tree}/empty")


@pytest.mark.parametrize("method", ["copyfile", "rename"])
def test_what_is_missing_is_neither_copied_nor_moved(store: Any, root: str, file: str, method: str) -> None:
    with pytest.raises(FileNotFoundError):
        getattr(store, method)(f"{root}/no", f"{root}/target")
    with pytest.raises(FileNotFoundError):
        getattr(store, method)(f"{root}/no", file, overwrite=True)
    assert names(store, root) == ["file.txt"]
    assert read(store, file) == CONTENT


def test_copyfile_refuses_a_directory_and_the_file_itself(store: Any, root: str, file: str, tree: str) -> None:
    with pytest.raises(IsADirectoryError):
        store.copyfile(tree, f"{root}/copy")
    with pytest.raises(shutil.SameFileError):
        store.copyfile(file, f"{root}/./file.txt", overwrite=True)
    assert read(store, file) == CONTENT
    assert not store.exists(f"{root}/copy")


def test_rename_moves_a_file(store: Any, file: str, tree: str) -> None:
    store.rename(file, f"{tree}/empty/moved")
    assert read(store, f"{tree}/empty/moved") == CONTENT
    assert not store.exists(file)


def test_rename_of_a_file_to_itself_keeps_it(store: Any, root: str, file: str) -> None:
    store.rename(file, file, overwrite=True)
    store.rename(file, f"{root}//file.txt", overwrite=True)
    assert read(store, file) == CONTENT


def test_rename_moves_a_directory(store: Any, root: str, tree: str) -> None:
    before = names(store, tree)
    store.rename(tree, f"{root}/moved")
    assert names(store, f"{root}/moved") == before
    assert read(store, f"{root}/moved/d/e/c.csv") == b"d/e/c.csv"
    assert store.listdir(root) == ["moved"]


def test_rename_of_a_directory_takes_only_an_empty_place(store: Any, root: str, file: str, tree: str) -> None:
    store.mkdir(f"{root}/full")
    write(store, f"{root}/full/f", b"")
    for target in [f"{tree}/d/inside", f"{root}/full", file]:
        with pytest.raises(OSError, match=r"Invalid|not empty|Not a directory"):
            store.rename(tree, target, overwrite=True)
    assert names(store, tree) == [".hidden", "a.txt", "d/", "d/b.txt", "d/e/", "d/e/c.csv", "empty/"]
    store.mkdir(f"{root}/free")
    store.rename(tree, f"{root}/free", overwrite=True)
    assert sorted(store.listdir(root)) == ["file.txt", "free", "full"]


# bounds


@pytest.mark.parametrize("outside", ["/../outside", "/a/../../outside", "/.."])
def test_a_path_outside_of_the_root_is_refused(store: Any, root: str, file: str, outside: str) -> None:
    path = root + outside
    for call in [
        lambda: store.open(path),
        lambda: store.open(path, "w"),
        lambda: store.copyfile(file, path),
        lambda: store.copyfile(path, file, overwrite=True),
        lambda: store.exists(path),
        lambda: store.glob(f"{path}/*"),
        lambda: store.isdir(path),
        lambda: store.listdir(path),
        lambda: store.makedirs(path),
        lambda: store.mkdir(path),
        lambda: store.remove(path),
        lambda: store.rename(file, path),
        lambda: store.rmtree(path),
        lambda: store.stat(path),
        lambda: store.size(path),
        lambda: list(store.walk(path)),
    ]:
        with pytest.raises(FileNotFoundError):
            call()
    assert read(store, file) == CONTENT


def test_a_path_may_be_bytes(store: Any, root: str) -> None:
    path = f"{root}/ü".encode()
    with store.open(path, "w") as file:
        file.write("x")
    assert store.exists(path)
    assert store.size(path) == 1
    store.remove(path)
    assert store.listdir(root) == []
