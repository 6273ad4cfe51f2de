"""The doctor at the mail server and the bucket."""

from dataclasses import replace
from pathlib import Path

from fedserver.cli.beside import check_bucket, check_mail
from fedserver.config import BucketConfig, Config, MailConfig
from storage.blobs import BlobFolder
from tests.fedserver.test_mails import mail_server


def with_mail(port: int, security: str = "none") -> Config:
    mail = MailConfig(smtp_host="127.0.0.1", smtp_port=port)
    return replace(Config(), mail=replace(mail, smtp_security=security))


async def test_a_mail_server_that_answers_gets_no_mail(free_port: int) -> None:
    with mail_server(free_port) as postbox:
        finding = await check_mail(with_mail(free_port))
    assert str(finding) == f"ok    mail: 127.0.0.1, port {free_port} answers"
    assert postbox.taken == []


async def test_a_mail_server_that_is_away_or_knows_no_tls(free_port: int) -> None:
    away = await check_mail(with_mail(free_port))
    assert (away.state, "refused" in away.text) == ("fail", True)
    with mail_server(free_port):
        assert (await check_mail(with_mail(free_port, "starttls"))).state == "fail"


async def test_without_a_mail_server() -> None:
    assert (await check_mail(Config())).state == "ok"


async def test_a_store_is_written_read_and_left_as_it_was(tmp_path: Path) -> None:
    config = replace(Config(), bucket=BucketConfig(name="house", endpoint="http://s3.test"))
    finding = await check_bucket(config, BlobFolder(tmp_path))
    assert finding.state == "ok"
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == []


async def test_a_store_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    finding = await check_bucket(Config(), BlobFolder(tmp_path / "file"))
    assert finding.state == "fail"
