"""Telephone numbers: read into one form, and in every form that others write them in."""

from __future__ import annotations

from collections.abc import Iterator

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, ValidationResult


def e164(written: str) -> str | None:
    """Return a number with its country code as +918012345678; None of what can't be one."""
    try:
        number = phonenumbers.parse(written)
    except NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def full(number: str) -> Iterator[str]:
    """Yield the digits that may follow a plus: some leave the trunk prefix in, as in +91 (0) 80…"""
    parsed = phonenumbers.parse(number)
    national = phonenumbers.national_significant_number(parsed)
    yield from (f"{parsed.country_code}{national}", f"{parsed.country_code}{_trunk(parsed)}{national}")


def national(number: str) -> Iterator[str]:
    """Yield the digits as they are written without a plus: 080…, 091 80…, or bare."""
    parsed = phonenumbers.parse(number)
    digits = phonenumbers.national_significant_number(parsed)
    yield from (digits, f"{_trunk(parsed)}{digits}", f"0{parsed.country_code}{digits}")


def _trunk(number: PhoneNumber) -> str:
    region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    return phonenumbers.ndd_prefix_for_region(region, strip_non_digits=True) or ""
