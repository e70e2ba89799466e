"""Shamir's secret sharing over GF(2⁸), byte by byte: any `threshold` shares give the secret, fewer give nothing. Pure.

The field is that of AES (x⁸ + x⁴ + x³ + x + 1). Share 0 is the secret itself, keyholders have the shares from 1.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

_POLYNOMIAL = 0x11B
_ORDER = 255


def _tables() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return powers and logarithms to the base 3, which generates the field."""
    powers, logarithms, value = [], [0] * 256, 1
    for exponent in range(_ORDER):
        powers.append(value)
        logarithms[value] = exponent
        value ^= value << 1
        if value > _ORDER:
            value ^= _POLYNOMIAL
    return tuple(powers * 2), tuple(logarithms)


_POWERS, _LOGARITHMS = _tables()


def split(secret: bytes, coefficients: Sequence[bytes], count: int) -> tuple[bytes, ...]:
    """Return `count` shares of a secret; `coefficients` are as many random texts of its length as the threshold less 1.

    The places 1 to `count` are put into the polynomial whose constant is the secret.
    """
    return tuple(_at(place, (secret, *coefficients)) for place in range(1, count + 1))


def combine(shares: Mapping[int, bytes]) -> bytes:
    """Return the secret from exactly as many shares as the threshold, by place from 1 (Lagrange, at 0)."""
    secret = bytes(len(next(iter(shares.values()))))
    for place, share in shares.items():
        weight = 1
        for other in shares:
            if other != place:
                weight = _times(weight, _over(other, other ^ place))
        secret = _sum(secret, share.translate(_multiples(weight)))
    return secret


def _at(place: int, coefficients: Sequence[bytes]) -> bytes:
    """Return the value of the polynomials at a place (Horner)."""
    value = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        value = _sum(value.translate(_multiples(place)), coefficient)
    return value


def _sum(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one) ^ int.from_bytes(other)).to_bytes(len(one))


@lru_cache(maxsize=256)
def _multiples(factor: int) -> bytes:
    """Return each element of the field, times a factor."""
    return bytes(_times(factor, value) for value in range(256))


def _times(one: int, other: int) -> int:
    return _POWERS[_LOGARITHMS[one] + _LOGARITHMS[other]] if one and other else 0


def _over(one: int, other: int) -> int:
    return _POWERS[_LOGARITHMS[one] - _LOGARITHMS[other] + _ORDER] if one else 0
