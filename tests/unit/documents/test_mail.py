"""A message becomes its head, the body that its reader sees, and what is attached to it."""

from email.message import EmailMessage
from email.policy import SMTP

import pytest

from citewell.documents.parsers.reading import read
from citewell.domain.documents import ParsedText
from tests.unit.documents.packaged import docx, zipped

WORD = "vnd.openxmlformats-officedocument.wordprocessingml.document"


def message(subject: str = "Lunch", body: str = "See you at noon.") -> EmailMessage:
    made = EmailMessage()
    made["Subject"], made["From"], made["To"] = subject, "ann@example.com", "bo@example.com"
    made.set_content(body)
    return made


def parsed(mail: EmailMessage | bytes, name: str = "m.eml") -> ParsedText:
    data = mail if isinstance(mail, bytes) else mail.as_bytes(policy=SMTP)
    return read(data, name, text_chars=1_000_000)


def test_a_message_is_its_head_and_its_body() -> None:
    found = parsed(message())
    assert found.text == (
        "Subject: Lunch\nFrom: ann@example.com\nTo: bo@example.com\n\nSee you at noon."
    )
    assert (found.title, found.pages, found.warnings) == ("Lunch", (), ())


def test_encoded_words_and_bytes_that_do_not_belong_in_a_head_are_read() -> None:
    assert parsed(message("Grüße & <mehr>")).title == "Grüße & <mehr>"
    raw = "Subject: Größe\nFrom: x@example.com\n\nbody\n"
    for encoding in ("utf-8", "cp1252"):
        assert parsed(raw.encode(encoding)).title == "Größe"
    japanese = b"Subject: =?iso-2022-jp?B?GyRCRnxLXBsoQg==?=\n\nbody\n"
    assert parsed(japanese).title == "日本"


@pytest.mark.parametrize(
    "bad", [b"=?utf-8?B?//?=", b"=?no-such-charset?Q?=E9t=E9?=", b"=?utf-8?Q?", b"=?utf-8?B?a?="]
)
def test_a_broken_encoded_word_does_not_lose_the_message(bad: bytes) -> None:
    found = parsed(b"Subject: " + bad + b"\nFrom: x@example.com\n\nThe body.\n")
    assert found.text.endswith("The body.")


def test_a_message_in_html_alone_is_read_as_its_reader_sees_it() -> None:
    mail = EmailMessage()
    mail["Subject"] = "News"
    page = "<h1>News</h1><p>R&amp;D caf&eacute;</p><ul><li>one</li><li>two</li></ul>"
    mail.set_content(f"<html><body>{page}</body></html>", subtype="html")
    assert parsed(mail).text == "Subject: News\n\n# News\n\nR&D café\n\n- one\n- two"


def test_of_two_forms_of_a_body_one_is_read() -> None:
    mail = message(body="Plain words.")
    mail.add_alternative("<p>Marked words.</p>", subtype="html")
    assert "Plain words." in parsed(mail).text
    assert "Marked words." not in parsed(mail).text


def test_an_empty_plain_body_gives_way_to_the_one_in_html() -> None:
    mail = message(body=" \n")
    mail.add_alternative("<p>Marked words.</p>", subtype="html")
    assert "Marked words." in parsed(mail).text


def test_what_is_attached_is_read_and_is_a_labelled_page() -> None:
    mail = message()
    mail.add_attachment(b"A walrus.", "text", "plain", filename="note.txt")
    mail.add_attachment(zipped(docx("A tapir.")), "application", WORD, filename="r.docx")
    found = parsed(mail)
    shown = {page.label: found.text[page.start : page.end] for page in found.pages}
    assert list(shown) == ["", "note.txt", "r.docx"]
    assert "See you at noon." in shown[""]
    assert "A walrus." in shown["note.txt"]
    assert "A tapir." in shown["r.docx"]
    assert (found.pages[0].start, found.pages[-1].end) == (0, len(found.text))


def test_an_attachment_that_cannot_be_read_is_named_with_the_reason() -> None:
    mail = message()
    mail.add_attachment(b"\x89PNG\r\n\x1a\n" + bytes(64), "image", "png", filename="cat.png")
    (warning,) = parsed(mail).warnings
    assert "cat.png" in warning
    assert "PNG image" in warning


def test_a_forwarded_message_is_read_with_its_own_head() -> None:
    mail = message()
    mail.add_attachment(message("Earlier", "An ocelot."))
    text = parsed(mail).text
    assert "Forwarded message\nSubject: Earlier\nFrom: ann@example.com" in text
    assert text.endswith("An ocelot.")


def test_a_message_in_an_attached_file_is_read_but_not_what_it_carries() -> None:
    inner = message("Inner", "Inner words.")
    inner.add_attachment(b"Too deep.", "text", "plain", filename="deep.txt")
    mail = message()
    mail.add_attachment(inner.as_bytes(policy=SMTP), "application", "x", filename="inner.eml")
    text = parsed(mail).text
    assert "Inner words." in text
    assert "Too deep." not in text


def test_a_part_in_a_legacy_encoding_is_decoded_as_it_declares() -> None:
    head = b"Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=%b\n"
    coded = head + b"Content-Transfer-Encoding: 8bit\n\n%b\n"
    for charset, text in (("shift_jis", "日本語の本文"), ("koi8-r", "Привет"), ("nonsense", "Tür")):
        encoding = charset if charset != "nonsense" else "utf-8"
        mail = coded % (charset.encode(), text.encode(encoding))
        assert text in parsed(mail).text


def test_one_part_that_is_no_text_does_not_lose_the_message() -> None:
    mail = message()
    mail.make_mixed()
    part = EmailMessage()
    part.set_content(bytes(range(256)), "text", "plain", disposition="inline")
    mail.attach(part)
    assert "See you at noon." in parsed(mail).text
