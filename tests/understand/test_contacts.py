"""E-mail addresses and telephone numbers, and what only looks like one."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.understand.contacts import email_rule, phone_rule

PHONES = {
    "call +47 22 33 44 55": "phone.international",
    "+4722334455": "phone.international",
    "ring 0047 22 33 44 55 now": "phone.international",
    "(+44) 20 7946 0958": "phone.international",
    "+1 (202) 555-0143.": "phone.international",
    "my number is 202-555-0143": "phone.national",
    "(202) 555-0143": "phone.national",
    "202.555.0143": "phone.national",
    "it is 020 7946 0958 in London": "phone.national",
    "070-174 06 05": "phone.national",
    "030/23125-000": "phone.national",
    "text 22 33 44 55": "phone.cued",
    "Call me on 5551234567": "phone.cued",
    "his mobile: 91234567": "phone.cued",
}
NOT_PHONES = [
    "2026-01-05", "05.01.2026", "12/31/2025", "31/12/2025 10:30", "05-01-2026 10:30", "2026-01-05T09:00:00Z",
    "2026-01-05T09:00:00.123456+01:00", "59.9075,10.7531", "59.907512, 10.753100", "-33.8568 151.2153",
    "51.5007 0.1246", "0.1246 51.5007", "+59.913900, +10.752200", "order 123456789", "Order number 0123 456 789",
    "my order no. 202-555-0143", "ticket #202-555-0143", "booking AB1234567", "ISBN 978-3-16-148410-0",
    "built 1889-1900", "from 1163 to 1345", "it cost 1 000 000", "$12 500 000", "192.168.100.200", "w-0007",
    "SG-1 01234567", "4111 1111 1111 1111", "the 1,454 feet", "3.14159265", "call at 10:30 on 05.01.2026",
    "text me on 2026-01-05 at 10:30:00", "account 0123 456 789", "tracking code 0049301234567",
]


@pytest.mark.parametrize(("text", "rule"), PHONES.items())
def test_phone_numbers_are_found(text: str, rule: str) -> None:
    assert phone_rule(text) == rule


@pytest.mark.parametrize("text", NOT_PHONES)
def test_other_digits_are_no_phone_number(text: str) -> None:
    assert phone_rule(text) == ""


@pytest.mark.parametrize(("text", "rule"), [
    ("Text Anna at anna@example.org", "email.written"),
    ("mail a.b+c_d%e@mail.example.co.uk, please", "email.written"),
    ("jürgen@exämple.de", "email.written"),
    ("send it to anna at example dot org", "email.spoken"),
    ("we are at the corner", ""),
    ("look at that dot com bubble", ""),
    ("@anna", ""),
    ("anna@localhost", ""),
    ("a@b@c.org", ""),
])
def test_email(text: str, rule: str) -> None:
    assert email_rule(text) == rule


def test_no_question_has_contacts_by_mistake(questions: dict[str, list[str]]) -> None:
    texts = [text for section in questions.values() for text in section]
    found = [text for text in texts if phone_rule(text) or email_rule(text)]
    assert found == ["What is that? Text Anna at anna@example.org."]


@given(st.text(max_size=300))
def test_any_text_is_judged(text: str) -> None:
    email_rule(text), phone_rule(text)


@pytest.mark.parametrize("text", ["a" * 65_536, "a@" * 32_768, "1 " * 32_768, "+" * 65_536, "a.b" * 20_000,
                                  "order number " * 5_000, "(" * 65_536, "0-" * 32_768, "a at b dot " * 6_000])
def test_time_is_linear(text: str) -> None:
    started = time.process_time()
    email_rule(text), phone_rule(text)
    assert time.process_time() - started < 1.0
