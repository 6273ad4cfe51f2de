"""The doctor at the vault, and NodeInfo."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fedserver.cli.vaulted import check_vault
from fedserver.config import Config, DataConfig, VaultConfig
from fedserver.survival.vault.chain import ChainState
from fedserver.survival.vault.keys import vault_folder
from fedserver.survival.vault.shipping import TargetState
from fedserver.survival.vault.status import VaultStatus, write_status
from storage.vault import INSERT_DRILL
from tests.instances import Instance, start_instance

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
YESTERDAY = NOW - timedelta(days=1)
CHAIN = ChainState(chain="0000000001-00000000", sequence=9, base_at=NOW)
GOOD = TargetState(label="bucket", position=9, shipped_at=NOW)
WELL = VaultStatus(at=NOW, chain=CHAIN, targets=[GOOD])


def config_of(folder: Path, *targets: str) -> Config:
    return Config(data=DataConfig(folder=folder), vault=VaultConfig(targets=targets))


@pytest.mark.parametrize(
    ("status", "proven", "state", "said"),
    [
        (WELL, YESTERDAY, "ok", "proven 1 days ago"),
        (WELL, None, "warn", "no restore was ever proven"),
        (WELL, NOW - timedelta(days=50), "warn", "50 days ago"),
        (VaultStatus(at=YESTERDAY), YESTERDAY, "warn", "said nothing lately"),
        (VaultStatus(at=NOW, problem="no key"), YESTERDAY, "fail", "no key"),
        (VaultStatus(at=NOW, chain=ChainState(chain="1")), YESTERDAY, "warn", "no base yet"),
        (
            VaultStatus(at=NOW, chain=CHAIN, targets=[TargetState(label="bucket", error="full")]),
            YESTERDAY,
            "fail",
            "bucket fails: full",
        ),
    ],
)
def test_what_the_doctor_says(
    tmp_path: Path, status: VaultStatus, proven: datetime | None, state: str, said: str
) -> None:
    config = config_of(tmp_path, "bucket")
    write_status(vault_folder(tmp_path), status)
    finding = check_vault(config, proven, NOW)
    assert (finding.state, said in finding.text) == (state, True), finding


def test_no_vault_and_one_that_burns_with_the_house(tmp_path: Path) -> None:
    assert check_vault(config_of(tmp_path), None, NOW).state == "warn"
    write_status(vault_folder(tmp_path), WELL)
    near = tmp_path / "near"
    near.mkdir()
    finding = check_vault(config_of(tmp_path, f"folder:{near}"), YESTERDAY, NOW)
    assert (finding.state, "on the disk of the data folder" in finding.text) == ("warn", True)


async def metadata(instance: Instance) -> dict[str, object]:
    answer = await instance.request("GET", "/nodeinfo/2.1")
    found: dict[str, object] = answer.body["metadata"]
    return found


async def test_nodeinfo_has_the_date_only_where_the_admin_wishes(
    database_dsn: str, tmp_path: Path, free_port: int
) -> None:
    async with start_instance(database_dsn, tmp_path, free_port) as instance:
        drill = (instance.ctx.ids.new(), YESTERDAY, True, {})
        await instance.ctx.db.execute(INSERT_DRILL, *drill)
        assert "lastProvenRestore" not in await metadata(instance)
        shown = replace(instance.ctx.config, vault=VaultConfig(publish_drill=True))
        object.__setattr__(instance.ctx, "config", shown)
        assert (await metadata(instance))["lastProvenRestore"] == "2026-11-22"
