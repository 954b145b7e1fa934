"""What is built of one commit is the same, byte by byte."""

import io
import tarfile
from pathlib import Path
from zipfile import ZipFile, ZipInfo

from deploy.dist import same_sdist, same_wheel

TIME = 1_700_000_000


def archive(folder: Path, names: list[str], *, time: int, mode: int) -> bytes:
    """Return a .tar.gz of files that each contain their name."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name in names:
            entry = tarfile.TarInfo(f"{folder.name}/{name}")
            entry.size, entry.mtime, entry.mode, entry.uname = len(name), time, mode, str(time)
            tar.addfile(entry, io.BytesIO(name.encode()))
    return made.getvalue()


def test_an_sdist_depends_on_its_files_alone(tmp_path: Path) -> None:
    """Not on their order, times, owners, nor on who may read them."""
    one = archive(tmp_path, ["setup.cfg", "PKG-INFO"], time=1, mode=0o600)
    other = archive(tmp_path, ["PKG-INFO", "setup.cfg"], time=2, mode=0o664)
    assert one != other
    assert same_sdist(one, TIME) == same_sdist(other, TIME)
    assert same_sdist(one, TIME) != same_sdist(archive(tmp_path, ["setup.py"], time=1, mode=0o600), TIME)


def test_an_sdist_keeps_what_is_in_it(tmp_path: Path) -> None:
    """Also which files are programs."""
    whole = same_sdist(archive(tmp_path, ["run", "b" * 300], time=1, mode=0o700), TIME)
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        members = tar.getmembers()
        assert [member.name for member in members] == [f"{tmp_path.name}/{'b' * 300}", f"{tmp_path.name}/run"]
        assert {(member.mode, member.mtime, member.uname) for member in members} == {(0o755, TIME, "")}
        assert [tar.extractfile(member).read() for member in members] == [b"b" * 300, b"run"]  # type: ignore[union-attr]  # files


def wheel(mode: int) -> bytes:
    """Return a wheel of one file with this mode."""
    made = io.BytesIO()
    with ZipFile(made, "w") as archive:
        entry = ZipInfo("exporter/__init__.py")
        entry.external_attr = mode << 16
        archive.writestr(entry, "pass")
    return made.getvalue()


def test_a_wheel_does_not_depend_on_who_may_read_a_checkout() -> None:
    """A program stays one; what is in the files is as it was."""
    assert same_wheel(wheel(0o100600)) == same_wheel(wheel(0o100664)) == wheel(0o100644)
    assert same_wheel(wheel(0o100700)) == wheel(0o100755)
