"""Reading a chain back from the targets: which entries there are, and up to where all is right."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyrage

from fedserver.errors import FedserverError
from fedserver.recovery.keys import RecoveryKey
from fedserver.recovery.statements import NotVouchedFor
from fedserver.services.instance_recovery import AUTHORIZATION
from fedserver.survival.vault.entries import (
    BASE,
    BASE_END,
    DUMP_END,
    FILES,
    LOG,
    WAL,
    Damaged,
    Entry,
    Manifest,
    Name,
    check_authorization,
    check_signer,
    read_entry,
    read_name,
)
from fedserver.survival.vault.targets import Target
from storage.server.wal_stream import segment_start
from storage.vault_places import FolderPlace, PlaceUnavailable

_AT_ONCE: Final = 8

Progress = Callable[[str], None]


class CannotRestore(FedserverError):
    """There is nothing to restore from, or it may not be trusted; the text says what to do."""


class Missing(FedserverError):
    """An entry is at no target, or damaged at all of them."""


@dataclass(frozen=True, slots=True)
class Opener:
    """Who opens, and whose word counts: `recovery_did` vouches for the instance's key, or
    `instance_did` is that key itself."""

    identity: pyrage.x25519.Identity
    recovery_did: str | None = None
    instance_did: str | None = None

    @classmethod
    def of(cls, key: RecoveryKey) -> "Opener":
        """Open with the recovery key."""
        return cls(key.opening, recovery_did=key.public.did)

    def trusted(self, about: dict[str, Any]) -> str:
        """Give the key whose entries count. Raises CannotRestore."""
        if self.instance_did is not None:
            return self.instance_did
        try:
            return check_authorization(
                about.get("authorization") or {}, self.recovery_did or "", AUTHORIZATION
            )
        except NotVouchedFor as error:
            raise CannotRestore(
                "This recovery key did not make that vault: it vouches for another instance's"
                f" key ({error}). Use the words that `fedserver recovery-key new` printed there."
            ) from None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a restore takes from a chain: manifests by number, unbroken from `first` to `end`.
    `problem` says why `end` is not `newest`, the newest that there is."""

    chain: str
    manifests: dict[int, Manifest]
    base_end: Manifest
    newest: int
    problem: str

    @property
    def end(self) -> int:
        return max(self.manifests)

    @property
    def parts(self) -> list[Manifest]:
        """The parts of the base, in order."""
        base = self.base_end.about["base"]
        return [
            one
            for one in self._of(BASE)
            if one.about["base"] == base and one.sequence < self.base_end.sequence
        ]

    @property
    def wal(self) -> list[Manifest]:
        """The entries of the log that the base needs, and all after them."""
        start = segment_start(self.base_end.about["start"])
        return [one for one in self._of(WAL) if one.about["end"] > start]

    @property
    def files(self) -> Manifest:
        """The newest of the instance's files."""
        return self._of(FILES)[-1]

    def _of(self, kind: str) -> list[Manifest]:
        return [one for _, one in sorted(self.manifests.items()) if one.kind == kind]


@dataclass(frozen=True, slots=True)
class Parts:
    """Something that needs no log: the minimum, or a dump; `files` is the instance's newest."""

    end: Manifest
    parts: list[Manifest]
    files: Manifest


@dataclass
class Chest:
    """All that the targets have, read as if they were one place. `copies` keeps what was read, so
    that nothing is fetched twice."""

    targets: Sequence[Target]
    opener: Opener
    copies: FolderPlace
    unreachable: list[str] = field(default_factory=list)
    _where: dict[str, dict[int, tuple[str, list[Target]]]] = field(default_factory=dict)

    async def look(self) -> None:
        """List every target. Raises CannotRestore where there is nothing."""
        for target in self.targets:
            try:
                names = await target.place.list(f"{LOG}/")
            except PlaceUnavailable as error:
                self.unreachable.append(f"{target.label}: {error}")
                continue
            for text in names:
                self._note(text, target)
        if not self._where:
            away = f" ({'; '.join(self.unreachable)})" if self.unreachable else ""
            labels = ", ".join(one.label for one in self.targets)
            raise CannotRestore(f"There is no vault at {labels}{away}")

    def _note(self, text: str, target: Target) -> None:
        name: Name | None = read_name(text)
        if name is not None:
            of_chain = self._where.setdefault(name.chain, {})
            of_chain.setdefault(name.sequence, (text, []))[1].append(target)

    @property
    def chains(self) -> list[str]:
        """The chains, the newest first."""
        return sorted(self._where, reverse=True)

    def choose(self, chain: str | None) -> None:
        """Use this chain alone; without a name the newest, which has to be the only one of its
        number. Raises CannotRestore."""
        if chain is not None and chain not in self._where:
            raise CannotRestore(f"There is no chain {chain}; there are {', '.join(self.chains)}")
        number = self.chains[0].partition("-")[0]
        twins = [one for one in self.chains if one.startswith(f"{number}-")]
        if chain is None and len(twins) > 1:
            raise CannotRestore(
                f"Two hosts went on from one vault, each in a chain of its own: {', '.join(twins)}."
                " Say with --chain which one is right; what the other wrote is not in it."
            )
        if chain is not None:
            self._where = {chain: self._where[chain]}

    @property
    def has_dumps(self) -> bool:
        """Whether the newest chain is of another PostgreSQL, which was dumped."""
        return bool(self._numbers(self.chains[0], DUMP_END))

    async def newest_plan(self, say: Progress) -> Plan:
        """Give the newest state that can be restored. Raises CannotRestore."""
        reasons = []
        for chain in self.chains:
            try:
                return await self.plan(chain, say)
            except Missing as error:
                reasons.append(f"{chain}: {error}")
                say(f"the chain {chain} cannot be used: {error}")
        raise CannotRestore(f"Nothing can be restored. {'; '.join(reasons)}")

    async def newest_parts(self, end_kind: str, say: Progress) -> Parts:
        """Give the newest minimum or dump that is complete. Raises CannotRestore."""
        for chain in self.chains:
            for number in self._numbers(chain, end_kind):
                try:
                    return await self._parts_before(chain, number)
                except Missing as error:
                    say(f"what ends with entry {number} of {chain} cannot be used: {error}")
        raise CannotRestore(f"There is no complete {end_kind.removesuffix('-end')} there.")

    async def _parts_before(self, chain: str, number: int) -> Parts:
        end = await self.entry(chain, number, None)
        signer = self.opener.trusted(end.manifest.about)
        _check(end, signer)
        found: list[Manifest] = []
        after = end
        while len(found) < end.manifest.about["parts"]:
            before = await self.entry(chain, after.manifest.sequence - 1, signer)
            _check_link(before, after)
            if before.manifest.about.get("set") == end.manifest.about["set"]:
                found.append(before.manifest)
            after = _light(before)
        files = self._numbers(chain, FILES)
        if not files:
            raise Missing("there is no instance key beside it")
        newest = await self.entry(chain, files[0], signer)
        return Parts(end.manifest, found[::-1], newest.manifest)

    def _numbers(self, chain: str, kind: str) -> list[int]:
        """Give the entries of a kind by their names, the newest first."""
        there = self._where[chain].items()
        return sorted((one for one, (name, _) in there if name.endswith(f".{kind}")), reverse=True)

    async def plan(self, chain: str, say: Progress) -> Plan:
        """Check a chain and say what can be restored. Raises Missing, CannotRestore."""
        reason = "it has no complete base yet"
        for number in self._numbers(chain, BASE_END):
            try:
                return await self._from_base(chain, number, say)
            except Missing as error:
                reason = str(error)
                say(f"the base that ends with entry {number} cannot be used: {error}")
        raise Missing(reason)

    async def _from_base(self, chain: str, number: int, say: Progress) -> Plan:
        base_end = await self.entry(chain, number, None)
        signer = self.opener.trusted(base_end.manifest.about)
        _check(base_end, signer)
        found = await self._back_to_start(chain, base_end, signer)
        newest = max(self._where[chain])
        problem = ""
        try:
            async for entry in self._onwards(chain, number + 1, newest, signer):
                _check_link(found[entry.manifest.sequence - 1], entry)
                found[entry.manifest.sequence] = entry
                if entry.manifest.sequence % 500 == 0:
                    say(f"checked up to entry {entry.manifest.sequence} of {newest}")
        except Missing as error:
            problem = str(error)
        manifests = {one: entry.manifest for one, entry in found.items()}
        plan = Plan(chain, manifests, base_end.manifest, newest, problem)
        _check_complete(plan)
        return plan

    async def _back_to_start(self, chain: str, base_end: Entry, signer: str) -> dict[int, Entry]:
        """Read back to where the base's part of the log begins."""
        about = base_end.manifest.about
        wanted, parts, log_from = segment_start(about["start"]), about["parts"], None
        found = {base_end.manifest.sequence: base_end}
        while parts or log_from is None or log_from > wanted:
            number = min(found) - 1
            entry = await self.entry(chain, number, signer)
            _check_link(entry, found[number + 1])
            found[number] = _light(entry)
            if entry.manifest.kind == BASE and entry.manifest.about["base"] == about["base"]:
                parts -= 1
            if entry.manifest.kind == WAL:
                log_from = entry.manifest.about["start"]
        return found

    async def _onwards(
        self, chain: str, first: int, last: int, signer: str
    ) -> AsyncIterator[Entry]:
        """Give entries in order, some being fetched ahead."""
        ahead: list[asyncio.Task[Entry]] = []
        numbers = iter(range(first, last + 1))
        try:
            while True:
                while len(ahead) < _AT_ONCE and (number := next(numbers, None)) is not None:
                    ahead.append(asyncio.create_task(self.entry(chain, number, signer)))
                if not ahead:
                    return
                yield _light(await ahead.pop(0))
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)

    async def entry(self, chain: str, number: int, signer: str | None) -> Entry:
        """Give an entry whose content and signature are right. Raises Missing."""
        if number not in self._where[chain]:
            raise Missing(f"entry {number} is at none of the targets")
        name, targets = self._where[chain][number]
        reasons = []
        for place in (self.copies, *(one.place for one in targets)):
            try:
                data = await place.get(name)
                entry = await asyncio.to_thread(_checked, data, name, signer)
            except FileNotFoundError:
                continue
            except (Damaged, PlaceUnavailable) as error:
                reasons.append(str(error))
                continue
            if place is not self.copies:
                await self.copies.put(name, data)
            return entry
        raise Missing(f"entry {number} is damaged or cannot be fetched: {'; '.join(reasons)}")


def _checked(data: bytes, name: str, signer: str | None) -> Entry:
    entry = read_entry(data)
    if entry.name != name:
        raise Damaged(f"it is another entry, {entry.name}")
    if signer is not None:
        check_signer(entry, [signer])
    return entry


def _check(entry: Entry, signer: str) -> None:
    try:
        check_signer(entry, [signer])
    except Damaged as error:
        raise Missing(f"entry {entry.manifest.sequence}: {error}") from None


def _check_link(before: Entry, after: Entry) -> None:
    if after.manifest.previous != before.digest:
        raise Missing(
            f"entry {after.manifest.sequence} does not follow entry {before.manifest.sequence}: "
            "one of them was swapped"
        )


def _light(entry: Entry) -> Entry:
    """Drop the payload: a chain has more of it than memory."""
    return Entry(entry.manifest, {}, b"", entry.digest)


def _check_complete(plan: Plan) -> None:
    """The base is consistent only with the log that was written while it was made."""
    end = max(one.about["end"] for one in plan.wal) if plan.wal else 0
    if end < plan.base_end.about["end"]:
        raise Missing(f"the log after its base is not complete: {plan.problem or 'it ends early'}")


def copies_in(folder: Path) -> FolderPlace:
    """Give a place for copies of what is read."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return FolderPlace(folder)
