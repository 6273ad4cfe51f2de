"""What the browser makes keys of is what the server reads."""

import re

from mnemonic import Mnemonic

from fedserver.web.static import static_files


def test_the_words_of_the_page_are_those_of_the_server() -> None:
    text = static_files()["words.js"].body.decode()
    found = re.search(r"`([a-z\s]+)`", text)
    assert found is not None
    assert found[1].split() == Mnemonic("english").wordlist
