"""Bech32 (BIP-173), the writing of age's keys; only what encodes."""

from collections.abc import Iterator
from typing import Final

_CHARACTERS: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_VALUES: Final = 6


def encode(prefix: str, data: bytes) -> str:
    """Return `data` in Bech32 after a lower-case `prefix`."""
    values = list(_in_fives(data))
    expanded = [ord(char) >> 5 for char in prefix] + [0] + [ord(char) & 31 for char in prefix]
    checksum = _polymod([*expanded, *values, *[0] * _CHECKSUM_VALUES]) ^ 1
    values += [(checksum >> 5 * (5 - place)) & 31 for place in range(_CHECKSUM_VALUES)]
    return f"{prefix}1{''.join(_CHARACTERS[value] for value in values)}"


def _in_fives(data: bytes) -> Iterator[int]:
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    return (int(bits[at : at + 5], 2) for at in range(0, len(bits), 5))


def _polymod(values: list[int]) -> int:
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for place, generator in enumerate(_GENERATOR):
            checksum ^= generator if (top >> place) & 1 else 0
    return checksum
