"""The instance's recovery key from the command line."""

from pathlib import Path

from storage.server import EmbeddedPostgres
from tests.cli.commands import Result, run_program


def words_in(result: Result) -> list[str]:
    """Give the lines of words that were printed."""
    assert result.code == 0, result.err
    lines = [line.strip() for line in result.out.splitlines()]
    return [line.lstrip("0123456789. ") for line in lines if len(line.split()) in {24, 33, 34}]


async def test_a_key_is_made_checked_and_replaced(place: Path) -> None:
    async with EmbeddedPostgres(place / "data"):
        none = await run_program("recovery-key", "show", cwd=place)
        assert "recovery-key new" in none.out
        (words,) = words_in(await run_program("recovery-key", "new", cwd=place))
        shown = await run_program("recovery-key", "show", cwd=place)
        assert "did:key:z6Mk" in shown.out
        assert "age1" in shown.out
        right = await run_program("recovery-key", "check", stdin=f"{words}\n", cwd=place)
        assert (right.code, "are the recovery key" in right.out) == (0, True)
        again = await run_program("recovery-key", "new", cwd=place)
        assert (again.code, "--replace" in again.err) == (1, True)
        await replaced_with_shares(place, words)


async def replaced_with_shares(place: Path, words: str) -> None:
    new = ("recovery-key", "new", "--replace", "--split", "2/3")
    shares = words_in(await run_program(*new, stdin=f"{words}\n", cwd=place))
    assert len(shares) == 3
    given = f"{shares[2]}\n{shares[0]}\n"
    right = await run_program("recovery-key", "check", "--shares", "2", stdin=given, cwd=place)
    assert right.code == 0, right.err
    old = await run_program("recovery-key", "check", stdin=f"{words}\n", cwd=place)
    assert (old.code, "not the one of this instance" in old.err) == (1, True)
    joined = await run_program("recovery-key", "join", "2", stdin=given, cwd=place)
    assert len(joined.out.split()) == 24
    lost = await run_program("recovery-key", "new", "--former-is-lost", cwd=place)
    assert lost.code == 0, lost.err


async def test_words_that_are_none_are_named(place: Path) -> None:
    wrong = await run_program("recovery-key", "join", "2", stdin="one\ntwo\n", cwd=place)
    assert (wrong.code, wrong.err.count("do not give a recovery key")) == (1, 1)
    assert "Traceback" not in wrong.err
