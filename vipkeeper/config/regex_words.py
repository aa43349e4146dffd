"""Regular expressions of HTTP checks, as keepalived has them: PCRE2 and its options.

Rules of this file: pure. Options are written into the expression, in PCRE2's own words for that, so that one
text says all of it. PCRE2 is loaded when there is an expression to judge.
"""

from __future__ import annotations

import re

from vipkeeper.config.words import WordError

# Of one try to match: 6 ms of a core with PCRE2's compiler, 40 ms without. A search may be many tries.
MOST_STEPS = 1_000_000

_SETTINGS = {
    "caseless": "i",
    "dotall": "s",
    "dupnames": "J",
    "extended": "x",
    "multiline": "m",
    "no_auto_capture": "n",
    "ungreedy": "U",
}
_VERBS = {
    "no_auto_possess": "(*NO_AUTO_POSSESS)",
    "no_dotstar_anchor": "(*NO_DOTSTAR_ANCHOR)",
    "no_start_optimize": "(*NO_START_OPT)",
    "ucp": "(*UCP)",
    "utf": "(*UTF)",
}
# Those that PCRE2 takes at the beginning alone. Other verbs, such as (*COMMIT), end the settings.
_OWN_SETTINGS = re.compile(
    r"(?:\(\*(?:UTF|UCP|CASELESS_RESTRICT|TURKISH_CASING|NOTEMPTY|NOTEMPTY_ATSTART|NO_[A-Z_]+|CR|LF|CRLF|ANYCRLF|"
    r"ANY|NUL|BSR_ANYCRLF|BSR_UNICODE|LIMIT_(?:MATCH|DEPTH|RECURSION|HEAP)=[0-9]+)\))+"
)
ANCHORED = "anchored"
# What they ask for is so anyway, or changes nothing about whether something matches.
WITHOUT_EFFECT = frozenset(
    {"alt_bsux", "auto_callout", "never_backslash_c", "never_ucp", "never_utf", "use_offset_limit"}
)
_INSTEAD = {
    "allow_empty_class": "write (?!) for []",
    "alt_circumflex": "write (?:^|(?<=\\n)) for ^",
    "alt_verbnames": "write verbs without escapes",
    "dollar_endonly": "write \\z for $",
    "firstline": "use `regex_max_offset`",
    "match_unset_backref": "write (?(1)\\1) for \\1",
}
KNOWN_OPTIONS = frozenset({ANCHORED, *_SETTINGS, *_VERBS, *WITHOUT_EFFECT})


def whole_expression(regex: str, options: tuple[str, ...]) -> bytes:
    """The expression with its options and the limit in it. `anchored` is the search's business."""
    verbs = "".join(_VERBS[option] for option in _VERBS if option in options)
    letters = "".join(_SETTINGS[option] for option in _SETTINGS if option in options)
    settings = f"(?{letters})" if letters else ""
    # Settings of the expression's own have to stay at its very beginning; of two limits the last one counts.
    match = _OWN_SETTINGS.match(regex)
    own = match.group() if match is not None else ""
    return f"{verbs}{own}(*LIMIT_MATCH={MOST_STEPS}){settings}{regex[len(own) :]}".encode()


def judge_regex(regex: str, options: tuple[str, ...] = ()) -> None:
    """Raises WordError for what PCRE2 does not take, and for an option that is none."""
    for option in options:
        if option not in KNOWN_OPTIONS:
            raise _bad_option(option)
    import pcre2

    text = whole_expression(regex, options)
    try:
        pcre2.compile(text, jit=False)
    except pcre2.PatternError as error:
        reason = str(error.msg).rpartition("; ")[2]
        at = max(0, int(error.pos) - (len(text) - len(regex.encode())))
        wrong = f'"{regex}" is no regular expression of PCRE2: {reason} (read as far as byte {at})'
        raise WordError(wrong, "correct it") from error


def _bad_option(option: str) -> WordError:
    if option in _INSTEAD:
        return WordError(f"the option {option} is not supported", _INSTEAD[option])
    known = ", ".join(sorted(KNOWN_OPTIONS - WITHOUT_EFFECT))
    return WordError(f'"{option}" is no option of a regular expression', f"there are {known}")
