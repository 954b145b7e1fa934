"""Prometheus exporter for Exotel's Active Stream Monitoring API."""


def __getattr__(name: str) -> str:
    """Return `__version__` or `__revision__` when it is asked for: both take time, and signals come first."""
    match name:
        case "__version__":
            from importlib.metadata import version  # noqa: PLC0415  # as said

            return version("exotel-exporter")
        case "__revision__":
            return _revision()
    raise AttributeError(name)


def _revision() -> str:
    """Return the commit that this was built from, `unknown`, or `checkout` where nothing was built.

    The hash of a commit is followed by `-modified` if files differed from it.
    """
    from pathlib import Path  # noqa: PLC0415  # as said

    file = Path(__file__).with_name("REVISION")  # setuptools-scm writes it, see pyproject.toml
    if not file.exists():
        return "checkout"
    node, is_modified = file.read_text(encoding="ascii").split()
    if node == "None":
        return "unknown"
    return node.removeprefix("g") + ("-modified" if is_modified == "True" else "")


def repository_url(path: str) -> str:
    """Return the address of a file or folder in the repository, which pyproject.toml names as Source."""
    from importlib.metadata import metadata  # noqa: PLC0415  # as said

    urls = dict(each.split(", ", 1) for each in metadata("exotel-exporter").get_all("Project-URL", []))
    return f"{urls['Source'].rstrip('/')}/blob/main/{path}"


def release(version: str, revision: str) -> str:
    """Return both for people: `0.2.0 (commit c21c987)`, or `0.2.0 (from a checkout)`."""
    if revision == "checkout":
        return f"{version} (from a checkout)"
    commit, dash, modified = revision.partition("-")
    return f"{version} (commit {commit[:7]}{dash}{modified})"
