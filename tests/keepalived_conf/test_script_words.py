r"""Commands as keepalived 2.2.7 shows them in its dump, where each of these was a `script` line.

Of several words, `script` takes the first alone: `script /bin/echo a` runs /bin/echo without parameters.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.keepalived_conf.memory_files import read
from vrrp_compat.keepalived_conf.script_words import command_words, script_words, split_script


def taken(line: str) -> list[str]:
    """The program and parameters of a line `script ...`."""
    (statement,) = read(f"script {line}").statements
    command, *_ = script_words(statement.raw)
    return list(command_words(command))


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (r'"/bin/echo a b"', ["/bin/echo", "a", "b"]),
        (r"/bin/echo a  b", ["/bin/echo"]),
        (r'"/bin/echo" "a b"', ["/bin/echo"]),
        (r"/bin/echo\ a\ b", ["/bin/echo", "a", "b"]),
        (r"'/bin/echo a b' c", ["/bin/echo", "a", "b"]),
        (r""" "/bin/echo 'a b' c" """, ["/bin/echo", "a b", "c"]),
        (r'''"/bin/echo "'a b'" c"''', ["/bin/echo", "a", "b", "c"]),
        (r'"/bin/echo \"a b\" c"', ["/bin/echo", "a b", "c"]),
        (r"""'/bin/echo "a b" c'""", ["/bin/echo", "a b", "c"]),
        (r'''"/bin/echo 'x'y'z w'q"''', ["/bin/echo", "xyz wq"]),
        (r'''"/bin/echo '' x"''', ["/bin/echo", "", "x"]),
        (r'''"/bin/echo 'a \"b\" c'"''', ["/bin/echo", 'a "b" c']),
        (r'''"/bin/echo \"a 'b' c\""''', ["/bin/echo", "a 'b' c"]),
        (r'''"/bin/echo \\'a b"''', ["/bin/echo", "'a", "b"]),
        (r'''"/bin/echo 'a\\'b' c"''', ["/bin/echo", "a'b", "c"]),
        (r'"/bin/echo a\\ b"', ["/bin/echo", "a b"]),
        (r'"/bin/echo a\nb"', ["/bin/echo", "a", "b"]),
        (r"'/bin/echo a\tb \x41'", ["/bin/echo", "a", "b", "A"]),
        (r'"/bin/echo \x41\101 \cA \q x"', ["/bin/echo", "AA", "\x01", "q", "x"]),
        (r'"/bin/echo \x414 \x4g \x"', ["/bin/echo", "\x14", "\x04g", "x"]),
        (r'"/bin/echo \1018 \1 \7770"', ["/bin/echo", "A8", "\x01", "\xff0"]),
        (r'"/bin/echo \a\b\E\e\f\v\rz"', ["/bin/echo", "\a\b\x1be", "z"]),
        (r'"/bin/echo \c[ \c? \ca"', ["/bin/echo", "\x1b", "\x1f", "\x01"]),
        (r'"/bin/echo x\x00y z"', ["/bin/echo", "x"]),
        (r'"/bin/echo a # b \# c {d}"', ["/bin/echo", "a", "#", "b", "#", "c", "{d}"]),
        (r'"  /bin/echo  x  "', ["/bin/echo", "x"]),
        (r'"killall -0 nginx"', ["killall", "-0", "nginx"]),
    ],
)
def test_the_command_of_a_script(line: str, command: list[str]) -> None:
    assert taken(line) == command


def test_user_and_group_follow_the_command() -> None:
    assert script_words('"/bin/n.sh a" nobody nogroup') == ("/bin/n.sh a", "nobody", "nogroup")


@pytest.mark.parametrize(
    ("text", "quote", "before"),
    [('a "b c', '"', ("a",)), ("a 'b c", "'", ("a",)), (r"'a\'", "'", ()), ("a 'b' c", "", ("a", "b", "c"))],
)
def test_an_open_quote_is_told(text: str, quote: str, before: tuple[str, ...]) -> None:
    split = split_script(text)
    assert (split.unmatched, split.words) == (quote, before)


@given(st.text())
def test_no_text_raises(text: str) -> None:
    split_script(text)


@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"))))
def test_quoted_words_come_back(wanted: list[str]) -> None:
    quoted = " ".join("'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'" for word in wanted)
    assert list(command_words(quoted)) == wanted
