"""How long a certificate lasts: a look at TLS itself, for `fedserver doctor`."""

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path


async def certificate_end(
    host: str, port: int, *, ca_file: Path | None, limit_s: float
) -> datetime:
    """Give when the certificate of our own public name ends.

    `ca_file` is trusted beside the system's authorities. Raises OSError (ssl.SSLError among them)
    or TimeoutError where no trusted connection is made.
    """
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    async with asyncio.timeout(limit_s):
        _, writer = await asyncio.open_connection(host, port, ssl=context)
    certificate = writer.get_extra_info("peercert")
    writer.close()
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
