"""Examinations of what an instance leans on beside its database: the mail server, the bucket."""

import asyncio
import secrets

from fedserver.cli.findings import Finding, fail, ok
from fedserver.config import Config
from fedserver.outgoing.mail import MailDelayed, MailRefused, greet
from storage.blobs import BlobStore


async def check_mail(config: Config) -> Finding:
    """Does the mail server take connections as the settings say? No mail is sent."""
    mail = config.mail
    if not mail.smtp_host:
        return ok("mail", "no mail server is named: mails are written into the data folder")
    where = f"{mail.smtp_host}, port {mail.smtp_port}"
    try:
        await asyncio.to_thread(greet, mail)
    except (MailDelayed, MailRefused) as error:
        return fail("mail", f"{where}: {error}", "check [mail]: nobody can confirm an address")
    return ok("mail", f"{where} answers")


async def check_bucket(config: Config, blobs: BlobStore) -> Finding:
    """Can an object be written, read and deleted in the bucket?"""
    name = f"{config.bucket.name} at {config.bucket.endpoint}"
    data = secrets.token_bytes(32)
    try:
        blob = await blobs.put(data, suffix=".bin")
        same = await blobs.read(blob) == data
        await blobs.delete(blob)
    except OSError as error:
        return fail("bucket", f"{name}: {error}", "check [bucket]: media cannot be kept or shown")
    if not same:
        return fail("bucket", f"{name}: what is read is not what was written", "check [bucket]")
    return ok("bucket", f"{name} can be written and read")
