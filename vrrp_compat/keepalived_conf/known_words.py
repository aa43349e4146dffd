"""What somebody meant who wrote a word that stands for nothing where it stands.

Rules of this file: the table alone decides; there is no list of typing errors.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from vrrp_compat.keepalived_conf.keywords.rows import Layout, Row, walk
from vrrp_compat.keepalived_conf.keywords.top_level import TABLE

# 0.6 finds a letter too many in a word of four. A word of another block has to be a plain typing error.
_ALIKE = 0.6
_NEARLY_THE_SAME = 0.85


def nearest(word: str, known: Iterable[str], alike: float = _ALIKE) -> str | None:
    """The known word that is most like one, if any is."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=alike)), None)


def suggestion(word: str, layout: Layout) -> str:
    """What to do about a word that a block does not know: `write interval`."""
    places = _places(word)
    if places:
        return f"it belongs into {' or '.join(places)}"
    here = [name for row in layout.rows for name in row.names]
    anywhere = nearest(word, (name for _, row in walk(TABLE) for name in row.names), _NEARLY_THE_SAME)
    close = nearest(word, here, _NEARLY_THE_SAME if anywhere is not None else _ALIKE)
    if close is not None:
        return f"write {close}, if that is meant"
    if anywhere is not None:
        return f"write {anywhere}, if that is meant, which belongs into {' or '.join(_places(anywhere))}"
    return "remove it"


def _places(word: str) -> list[str]:
    """The blocks that know a word, each once."""
    found = [_place(above) for above, row in walk(TABLE) if word in row.names]
    return list(dict.fromkeys(found))[:3]


def _place(above: tuple[Row, ...]) -> str:
    return above[-1].keyword if above else "no block at all"
