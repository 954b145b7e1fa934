"""Pages for people, as they are read."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser


@dataclass
class Element:
    """An element of a page; its text is without that of the elements inside."""

    tag: str
    attributes: dict[str, str | None]
    text: str = ""


class Read(HTMLParser):
    """A page as it is read: its elements in their order, and all that its body says, blanks made one."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self._said: list[str] = []
        self.feed(html)
        self.close()
        self.text = " ".join("".join(self._said).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        self.elements.append(Element(tag, dict(attrs)))
        if tag not in {"meta", "link", "input"}:
            self._open.append(self.elements[-1])

    def handle_endtag(self, tag: str) -> None:
        """Close the element that was opened last; fails if it is another."""
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        """Add to the innermost element."""
        if self._open:
            self._open[-1].text += data
            tags = {element.tag for element in self._open}
            self._said += [data] if "body" in tags and "script" not in tags else []

    def texts(self, tag: str) -> list[str]:
        """Return the texts of the elements of this kind."""
        return [element.text for element in self.elements if element.tag == tag]

    def links(self) -> list[str]:
        """Return where links lead."""
        return [element.attributes["href"] or "" for element in self.elements if element.tag == "a"]
