"""Where the endpoints are, as flags say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.http.endpoints import External, route_prefix

PATHS = st.lists(st.from_regex(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*", fullmatch=True), max_size=3).map("/".join)


@given(
    path=PATHS, slash=st.sampled_from(["", "/"]), origin=st.sampled_from(["", "http://a", "https://[::1]:9"])
)
def test_a_url_has_an_origin_and_a_path_without_a_slash_at_its_end(
    path: str, slash: str, origin: str
) -> None:
    """A path alone has no origin."""
    text = f"{origin}/{path}{slash}" if path or not origin else f"{origin}{slash}"
    assert External.parse(text if path else f"{origin}/") == External(origin, f"/{path}" if path else "")


@given(path=PATHS, before=st.sampled_from(["", "/"]), after=st.sampled_from(["", "/"]))
def test_a_prefix_is_the_same_with_slashes_or_without(path: str, before: str, after: str) -> None:
    """As in Prometheus."""
    text = f"{before}{path}{after}"
    assert route_prefix(text) == (f"/{path}" if path else "" if text else None)


def test_an_empty_flag_is_none() -> None:
    """As in Prometheus: a service file may always name it."""
    assert External.parse("") == External()
    assert route_prefix("") is None


@pytest.mark.parametrize(
    "url",
    [
        *(
            "example.com",
            "example.com/exotel",
            "ftp://example.com/",
            "https://",
            "https:///a",
            "//host/a",
        ),
        *("https://example.com/?a=b", "https://example.com/#a", "https://example.com/?", "http://a:b@c/"),
        *("https://example.com:port/", "http://[::1/", '"https://example.com"'),
        *("https://example.com/a b", "https://example.com/{a}", "https://example.com/../a", "https://h//a"),
        *("https://exa mple.com/", "https://example.com/\n", "https://e.com/%2e%2e/a"),
    ],
)
def test_an_external_url_that_is_none_is_refused(url: str) -> None:
    """With what is accepted."""
    with pytest.raises(ValueError, match=r"found .+; accepted: a URL like https://example"):
        External.parse(url)


@pytest.mark.parametrize(
    "path", ["/a b", "/{path}", "/a//b", "/..", "/./a", "http://a/b", "/a?b", "/a#b", "/é", "/a\n"]
)
def test_a_route_prefix_that_is_no_path_is_refused(path: str) -> None:
    """With what is accepted."""
    with pytest.raises(ValueError, match=r"found .+; accepted: a path like /exotel, of letters"):
        route_prefix(path)
