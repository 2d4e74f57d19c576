"""Text that means harm, and how to tell that a surface has shown it as text."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from xml.etree import ElementTree

PWNED = "window.__pwned=1"

HOSTILE = {
    "script": f"<script>{PWNED}</script>",
    "handler": f'"><img src=x onerror="{PWNED}">',
    "handler in single quotes": f"' onmouseover='{PWNED}' x='",
    "entities": "&lt;script&gt; &#60;script&#62; &amp;lt; &",
    "end of svg": f"</text></svg><svg onload={PWNED}><text>",
    "end of style": f"</style></title></textarea></pre><iframe src=javascript:{PWNED}>",
    "end of data": "]]><!-- --><![CDATA[ <?xml ?>",
    "templates": f"${{{PWNED}}} {{{{constructor.constructor('{PWNED}')()}}}}",
    "formats": "{0.__class__} %s %(name)s %n {",
    "NUL": "before\x00after",
    "all controls": "".join(map(chr, [*range(0x20), *range(0x7F, 0xA0)])),
    "colours": "\x1b[31mred\x1b[0m",
    "the screen": "\x1b[2J\x1b[H\x1b]0;title\x07\x1b]8;;http://example.com\x1b\\link\x1b]8;;\x1b\\",
    "an open sequence": "\x1b]0;swallows what follows",
    "nested sequences": "\x1b\x1b[31m[31mred \x1b[\x1b[0m2J",
    "eight-bit sequences": "\x9b31mred\x9d0;title\x9c\x85next",
    "carriage return": "bad news\rgood news",
    "backspaces": "bad\b\b\bgood",
    "bidi marks": "\u202etxt.exe\u202c \u2066inside\u2069 \u202b\u2067",
    "separators of lines": "one\u2028two\u2029three\x0bfour\x0cfive\x1csix",
    "lone surrogates": "\ud800 \udfff \udc80",
    "no characters": "\ufffe \uffff \ufdd0",
    "forged lines": "one\n2026-01-01 00:00:00 nbflow [ERROR] forged\r\nTraceback (most recent call last):\n",
    "a forged frame": 'Traceback (most recent call last):\n  File "/etc/passwd", line 1, in f\nValueError',
    "ten thousand characters": "m" * 10_000,
    "ten thousand wide characters": "\U0001d54f" * 10_000,
    "marks upon marks": "z" + "\u0301" * 500,
    "up": "../../../../../../etc/passwd",
    "absolute": "/etc/passwd",
    "backslashes": '..\\..\\C:\\x\\" [URL="javascript:x"] \\',
    "dots": "..",
    "home": "~/.ssh/id_rsa",
    "a label in HTML": "<<b>bold</b>>",
    "spaces": "   ",
    "nothing": "",
}

# what no surface may show, whatever stood in the text: written without a look at how it is done
UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
SVG = "{http://www.w3.org/2000/svg}"
_ACTIVE = {
    "script",
    "iframe",
    "object",
    "embed",
    "link",
    "meta",
    "base",
    "form",
    "foreignObject",
    "use",
    "animate",
}


def harmless(text: str) -> str:
    """A text that takes as much room."""
    return "m" * len(text)


class Markup(HTMLParser):
    """What a page is made of: how often there is each tag with its attributes' names; its texts; its sources."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self.texts: list[str] = []
        self.sources: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag, tuple(name for name, _ in attrs)] += 1
        self.texts += [value or "" for _, value in attrs]
        self.sources += [
            value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "action")
        ]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.elements["comment", ()] += 1

    def handle_decl(self, decl: str) -> None:
        self.elements["declaration", ()] += 1

    unknown_decl = handle_pi = handle_decl


def assert_html(page: str, harmless_page: str) -> None:
    """The page has no element and no attribute that one with harmless texts has not, and no unfit character."""
    found, known = Markup(page), Markup(harmless_page)
    assert not found.elements - known.elements
    assert_inert(found)
    assert_fit(*found.texts)
    page.encode()


def assert_inert(markup: Markup) -> None:
    """Nothing in it runs, and nothing is fetched."""
    tags = {tag for tag, _ in markup.elements}
    names = {name for _, attributes in markup.elements for name in attributes}
    assert not tags & _ACTIVE
    assert not [name for name in names if name.startswith("on") or name == "srcdoc"]
    assert not [source for source in markup.sources if not source.startswith("data:image/svg+xml;base64,")]


def assert_svg(picture: str, harmless_picture: str) -> None:
    """The same of an SVG document, which must be well-formed besides. How much room a text takes moves its parts."""
    found, known = (ElementTree.fromstring(each) for each in (picture, harmless_picture))
    assert not _elements(found) - _elements(known)
    assert not {element.tag.removeprefix(SVG) for element in found.iter()} & _ACTIVE
    attributes = [pair for element in found.iter() for pair in element.attrib.items()]
    assert not [name for name, _ in attributes if name.startswith("on") or name.endswith("href")]
    assert_fit(*(text for element in found.iter() for text in (element.text or "", element.tail or "")))
    assert_fit(*(value for _, value in attributes))


def _elements(root: ElementTree.Element) -> set[tuple[str, tuple[str, ...]]]:
    return {(element.tag, tuple(element.attrib)) for element in root.iter()}


def assert_fit(*texts: str) -> None:
    """No terminal obeys a character in these, and XML and UTF-8 take them."""
    for text in texts:
        assert not UNFIT.search(text), ascii(text[:200])


def assert_line(*texts: str, longest: int = 1000) -> None:
    """The same, and each is one line of bounded length."""
    assert_fit(*texts)
    for text in texts:
        assert "\n" not in text, ascii(text[:200])
        assert len(text) <= longest, len(text)
