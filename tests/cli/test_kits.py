"""A person's recovery key and kit from the command line."""

from pathlib import Path

from storage.server import EmbeddedPostgres
from tests.cli.commands import run_program
from tests.cli.test_recovery_key import words_in


async def test_a_kit_is_made_and_brought_in_elsewhere(place: Path) -> None:
    other = place / "other"
    other.mkdir()
    password = "correct horse battery staple\n"
    create = ("user", "create", "ada", "--email", "ada@mail.example", "--password-stdin")
    async with EmbeddedPostgres(place / "data"):
        await run_program(*create, stdin=password, cwd=place)
        (words,) = words_in(await run_program("kit", "key", "ada", cwd=place))
        again = await run_program("kit", "key", "ada", cwd=place)
        assert (again.code, "--replace" in again.err) == (1, True)
        file = str(place / "ada.kit.age")
        made = await run_program("kit", "make", "ada", "--to", file, cwd=place)
        assert made.code == 0, made.err
        assert "0 posts" in made.out
    async with EmbeddedPostgres(other / "data"):
        here = {"FEDSERVER_INSTANCE__DOMAIN": "localhost:9999"}
        bring = ("kit", "import", file, "--as", "ada")
        nobody = await run_program(*bring, stdin=f"{words}\n", environ=here, cwd=other)
        assert (nobody.code, "--email" in nobody.err) == (1, True)
        wrong = " ".join(reversed(words.split()))
        mailed = (*bring, "--email", "ada@mail.example")
        refused = await run_program(*mailed, stdin=f"{wrong}\n", environ=here, cwd=other)
        assert refused.code == 1
        done = await run_program(*mailed, stdin=f"{words}\n", environ=here, cwd=other)
        assert done.code == 0, done.err
        assert done.out.strip().endswith("done")
        assert words not in done.out
