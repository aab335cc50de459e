"""Google's encoded polyline with six decimals, as OSRM and every map library speak it."""

from __future__ import annotations

from collections.abc import Sequence

from doorstep.places.roads.network import Position

_PRECISION = 1_000_000


def encode(points: Sequence[Position]) -> str:
    """Encode `(latitude, longitude)` pairs; decoding gives them back rounded to a millionth of a degree."""
    letters: list[str] = []
    last_latitude = last_longitude = 0
    for latitude, longitude in points:
        now_latitude, now_longitude = round(latitude * _PRECISION), round(longitude * _PRECISION)
        letters.append(_encode_number(now_latitude - last_latitude))
        letters.append(_encode_number(now_longitude - last_longitude))
        last_latitude, last_longitude = now_latitude, now_longitude
    return "".join(letters)


def decode(line: str) -> list[Position]:
    """The `(latitude, longitude)` pairs of an encoded line. Raises ValueError when the line breaks off."""
    numbers: list[int] = []
    value = shift = 0
    for letter in line:
        chunk = ord(letter) - 63
        value |= (chunk & 0x1F) << shift
        shift += 5
        if chunk < 0x20:
            numbers.append(~(value >> 1) if value & 1 else value >> 1)
            value = shift = 0
    if shift or len(numbers) % 2:
        raise ValueError("the encoded line breaks off in the middle of a position")
    points: list[Position] = []
    latitude = longitude = 0
    for index in range(0, len(numbers), 2):
        latitude += numbers[index]
        longitude += numbers[index + 1]
        points.append((latitude / _PRECISION, longitude / _PRECISION))
    return points


def join(lines: Sequence[str]) -> str:
    """One line out of consecutive ones, without repeating the positions where they meet."""
    points: list[Position] = []
    for line in lines:
        for point in decode(line):
            if not points or points[-1] != point:
                points.append(point)
    return encode(points)


def _encode_number(number: int) -> str:
    value = ~(number << 1) if number < 0 else number << 1
    letters = []
    while value >= 0x20:
        letters.append(chr((0x20 | (value & 0x1F)) + 63))
        value >>= 5
    letters.append(chr(value + 63))
    return "".join(letters)
