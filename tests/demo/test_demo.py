"""`fedserver demo` tells its story to the end, and leaves nothing running."""

import asyncio
import signal
import sys


async def test_the_story_is_told_to_its_end() -> None:
    demo = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-u", "-m", "fedserver", "demo"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert demo.stdout is not None
    told = []
    try:
        async with asyncio.timeout(90):
            while line := (await demo.stdout.readline()).decode():
                told.append(line)
                if line.startswith("Ctrl-C stops"):
                    break
            demo.send_signal(signal.SIGINT)
            await demo.stdout.read()
            assert await demo.wait() == 0, "".join(told)
    finally:
        if demo.returncode is None:
            demo.kill()
            await demo.wait()
    story = "".join(told)
    assert "Sign in with any Mastodon client" in story, story
    for kind in ("Follow", "Create", "Like", "Announce", "Update", "Delete"):
        assert kind in story
    assert "failed" not in story
