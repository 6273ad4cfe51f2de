"""base58btc, the alphabet of Multikeys and proofs (FEP-521a, FEP-8b32).

In a few lines of our own: the package of that name had its last release in 2021.
"""

from typing import Final

from activitypub.errors import KeyFormatError

_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUES: Final = {char: value for value, char in enumerate(_ALPHABET)}


def encode(data: bytes) -> str:
    """Return `data` in base58btc, without a multibase prefix."""
    number = int.from_bytes(data, "big")
    digits: list[str] = []
    while number:
        number, digit = divmod(number, 58)
        digits.append(_ALPHABET[digit])
    leading_zeros = len(data) - len(data.lstrip(b"\0"))
    return "1" * leading_zeros + "".join(reversed(digits))


def decode(text: str) -> bytes:
    """Return the bytes that `text` stands for. Raises KeyFormatError if it is not base58btc.

    Takes time that grows with the square of the length: bound it first.
    """
    number = 0
    for char in text:
        digit = _VALUES.get(char)
        if digit is None:
            raise KeyFormatError("not base58")
        number = number * 58 + digit
    leading_zeros = len(text) - len(text.lstrip("1"))
    return b"\0" * leading_zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")
