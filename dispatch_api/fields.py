"""Fields: how the API's JSON says what the domain holds.

Moments are RFC 3339 texts with an offset outside and integer milliseconds inside; durations are
seconds outside and integer milliseconds inside. JSON types are not converted into one another:
`"3"` is no number here and `1` is no boolean.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
from marshmallow import ValidationError, fields, validate

from dispatch_app.domain.schedule import zones

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
#: ms; 9999-12-30T00:00:00Z, which is still in the year 9999 in every zone
LAST_MOMENT = 253_402_128_000_000
#: seconds; a longer duration is a mistake in the unit
TEN_YEARS = 10 * 365 * 86_400

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d{1,9}))?"
    r"([Zz]|[+-]\d\d:\d\d)?",
    re.ASCII,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

#: What an id may be: it stands in paths and in the names of keys.
ID = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)
ID_TEXT = "1 to 128 letters, digits and . _ : -"


def moment_of(text: str) -> int:
    """The moment that an RFC 3339 text means, ms.

    Raises:
        ValueError: with what is wrong and what would be right.
    """
    found = _RFC3339.fullmatch(text)
    if found is None:
        raise ValueError("Not an RFC 3339 time such as 2026-01-31T09:00:00Z.")
    date, clock, fraction, offset = found.groups()
    if offset is None:
        raise ValueError("Needs an offset: Z, or one such as +02:00 (%2B02:00 in a URL).")
    try:
        whole = datetime.fromisoformat(f"{date}T{clock}{'+00:00' if offset in 'Zz' else offset}")
    except ValueError as error:
        raise ValueError(f"There is no such time: {error}.") from error
    moment = (whole - _EPOCH) // timedelta(seconds=1) * 1000 + int(
        (fraction or "")[:3].ljust(3, "0")
    )
    if not 0 <= moment <= LAST_MOMENT:
        raise ValueError("Has to lie between 1970 and 9999-12-30.")
    return moment


def text_of(moment: int, zone: str = "UTC") -> str:
    """A moment as RFC 3339 with that zone's offset, and with milliseconds where there are any."""
    shown = zones.local(zone, min(moment, LAST_MOMENT))
    text = shown.isoformat(timespec="milliseconds" if moment % 1000 else "seconds")
    return text.replace("+00:00", "Z") if zone == "UTC" else text


class Moment(fields.String):
    """RFC 3339 with an offset <-> ms."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {"format": "date-time", **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else text_of(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            return moment_of(super()._deserialize(value, attr, data, **kwargs))
        except ValueError as error:
            raise ValidationError(str(error)) from error


class Seconds(fields.Float):
    """Seconds <-> ms.

    Args:
        least, most: seconds, both inclusive.
    """

    def __init__(self, *, least: float = 0.001, most: int = TEN_YEARS, **kwargs: Any) -> None:
        self.least, self.most = least, most
        metadata = {"minimum": least, "maximum": most, **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else seconds(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValidationError("Not a number of seconds.")
        return self.checked(value)

    def checked(self, value: float) -> int:
        """Seconds as ms.

        Raises:
            ValidationError: too short or too long.
        """
        if not self.least <= value <= self.most:
            raise ValidationError(f"Has to be {self.least:g} to {self.most} seconds.")
        return round(value * 1000)


def seconds(duration: int) -> int | float:
    """Milliseconds as seconds, an integer where they are whole."""
    return duration / 1000 if duration % 1000 else duration // 1000


class Flag(fields.Boolean):
    """JSON's true or false, and nothing that means them."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, bool):
            raise ValidationError("Has to be true or false.")
        return value


class Switch(fields.Boolean):
    """`true` or `false` in a query string; false if nothing is said."""

    def __init__(self, **kwargs: Any) -> None:
        messages = {"invalid": "Has to be true or false."}
        super().__init__(
            truthy={"true"}, falsy={"false"}, load_default=False, error_messages=messages, **kwargs
        )


class Whole(fields.Integer):
    """An integer from `least` to `most`, both inclusive."""

    def __init__(self, *, least: int, most: int, **kwargs: Any) -> None:
        self.least, self.most = least, most
        metadata = {"minimum": least, "maximum": most, **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if type(value) is not int or not self.least <= value <= self.most:
            raise ValidationError(f"Has to be an integer from {self.least} to {self.most}.")
        return value


class Number(fields.Float):
    """A number from `least` to `most`, both inclusive."""

    def __init__(self, *, least: float, most: float, **kwargs: Any) -> None:
        self.least, self.most = least, most
        metadata = {"minimum": least, "maximum": most, **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return int(value) if value is not None and value == int(value) else value

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or not self.least <= value <= self.most:
            raise ValidationError(f"Has to be a number from {self.least:g} to {self.most:g}.")
        return float(value)


class Digits(Whole):
    """An integer in a query string."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        plain = int(value) if re.fullmatch(r"-?\d{1,15}", value, re.ASCII) else value
        return super()._deserialize(plain, attr, data, **kwargs)


class Decimals(Number):
    """A number in a query string."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        plain = float(value) if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value, re.ASCII) else value
        return super()._deserialize(plain, attr, data, **kwargs)


class Text(fields.String):
    """Text of at most `most` characters, without control characters.

    Args:
        lines: whether it may have several lines.
    """

    def __init__(self, most: int, *, lines: bool = False, **kwargs: Any) -> None:
        self._control = _CONTROL_BUT_LINES if lines else _CONTROL
        length = validate.Length(max=most, error=f"Longer than {most} characters.")
        super().__init__(validate=[length, self._no_control], **kwargs)

    def _no_control(self, value: str) -> None:
        if self._control.search(value):
            raise ValidationError("Holds a control character.")


class Word(fields.String):
    """Text that has to match a pattern as a whole.

    Args:
        right: the pattern in words.
    """

    def __init__(self, pattern: str, right: str, **kwargs: Any) -> None:
        self._pattern, self._right = re.compile(pattern), right
        metadata = {"pattern": f"^{pattern}$", **kwargs.pop("metadata", {})}
        super().__init__(validate=self._matches, metadata=metadata, **kwargs)

    def _matches(self, value: str) -> None:
        if not self._pattern.fullmatch(value):
            raise ValidationError(f"Has to be {self._right}.")


class Choice(fields.String):
    """One of a few words."""

    def __init__(self, choices: Iterable[str], **kwargs: Any) -> None:
        words = tuple(choices)
        text = f"Has to be one of {', '.join(words)}."
        super().__init__(validate=validate.OneOf(words, error=text), **kwargs)


class Object(fields.Dict):
    """A JSON object, taken as it is.

    Args:
        most: bytes that it may have as compact JSON.
    """

    def __init__(self, *, most: int, **kwargs: Any) -> None:
        self._most = most
        metadata = {"additionalProperties": True, **kwargs.pop("metadata", {})}
        super().__init__(validate=self._fits, metadata=metadata, **kwargs)

    def _fits(self, value: dict[str, Any]) -> None:
        size = len(msgspec.json.encode(value))
        if size > self._most:
            raise ValidationError(f"Is {size} bytes as JSON; at most {self._most} are kept.")
