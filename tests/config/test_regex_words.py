"""What is taken of regular expressions, and what is said of the rest."""

from __future__ import annotations

import pytest

from vipkeeper.config.regex_words import (
    KNOWN_OPTIONS,
    MOST_STEPS,
    WITHOUT_EFFECT,
    judge_regex,
    whole_expression,
)
from vipkeeper.config.words import WordError

# `regex_options` of keepalived 2.2.7, in the order of its source.
KEEPALIVEDS = (
    "allow_empty_class",
    "alt_bsux",
    "auto_callout",
    "caseless",
    "dollar_endonly",
    "dotall",
    "dupnames",
    "extended",
    "firstline",
    "match_unset_backref",
    "multiline",
    "never_ucp",
    "never_utf",
    "no_auto_capture",
    "no_auto_possess",
    "no_dotstar_anchor",
    "no_start_optimize",
    "ucp",
    "ungreedy",
    "utf",
    "never_backslash_c",
    "alt_circumflex",
    "alt_verbnames",
    "use_offset_limit",
)


@pytest.mark.parametrize(
    "regex",
    [
        "ok",
        "a|b",
        "(?<year>\\d{4})-\\g<year>",
        "[[:alpha:]]+\\h\\K.\\R",
        "(?|a|b)",
        "(*UTF)(*ANYCRLF)^é$",
        "a(?#)",
        # What steers the search is no setting, though it may stand where those do.
        "(*COMMIT)ok",
        "(*UTF)(*MARK:A)ok",
        "(*FAIL)",
    ],
)
def test_what_pcre_takes(regex: str) -> None:
    judge_regex(regex)


@pytest.mark.parametrize(
    ("regex", "said"),
    [
        (
            "a(b",
            '"a(b" is no regular expression of PCRE2: missing closing parenthesis (read as far '
            "as byte 3); correct it",
        ),
        ("*a", "quantifier does not follow a repeatable item (read as far as byte 1)"),
        ("(*UTF)a(b", "(read as far as byte 9)"),
        ("a\\Cb", "using \\C is disabled"),
    ],
)
def test_what_pcre_does_not_take(regex: str, said: str) -> None:
    with pytest.raises(WordError) as refused:
        judge_regex(regex)
    assert said in str(refused.value)


def test_each_option_of_keepaliveds_is_taken_or_has_something_instead() -> None:
    for option in (*KEEPALIVEDS, "anchored"):
        if option in KNOWN_OPTIONS:
            judge_regex("ok", (option,))
        else:
            with pytest.raises(WordError, match=f"the option {option} is not supported; "):
                judge_regex("ok", (option,))
    assert set(KEEPALIVEDS) >= WITHOUT_EFFECT


def test_what_is_no_option() -> None:
    with pytest.raises(
        WordError, match='"caselss" is no option of a regular expression; there are anchored, cas'
    ):
        judge_regex("ok", ("caselss",))


def test_options_are_written_into_the_expression_behind_its_own_verbs() -> None:
    limit = f"(*LIMIT_MATCH={MOST_STEPS})"
    assert whole_expression("ok", ()) == f"{limit}ok".encode()
    assert whole_expression("ok", ("utf", "dotall", "caseless")) == f"(*UTF){limit}(?is)ok".encode()
    assert whole_expression("(*UCP)(*LF)é", ("caseless",)) == f"(*UCP)(*LF){limit}(?i)é".encode()
    assert whole_expression("(*atomic:a)", ()) == f"{limit}(*atomic:a)".encode()
    assert whole_expression("(*UTF)(*COMMIT)a", ()) == f"(*UTF){limit}(*COMMIT)a".encode()


def test_an_expression_cannot_lift_the_limit() -> None:
    import pcre2

    # 20 letters take some 3 million steps: above our limit, below the 10 million of PCRE2's own.
    found = whole_expression("(*LIMIT_MATCH=4000000000)(a+)+$", ())
    with pytest.raises(pcre2.LibraryError, match="match limit exceeded"):
        pcre2.compile(found, jit=False).match(b"a" * 20 + b"b")
