"""The protocols that ship, and what is said about one that cannot be read."""

import datetime
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

import protocols
from centralita.holidays import expanded
from contracts.base import Category
from contracts.protocol import PLAIN, SCRIPT_KEYS, Protocol
from contracts.protocol.scripts import is_script
from contracts.wording import fold, places

LANGUAGES = {"es", "pt", "en"}
ALL = ["cold-industry", "front-office", "gas-utility", "insurer", "software-vendor"]
SHIPS = {name: protocols.load(name) for name in ALL}
THEIRS = {
    "cold-industry": {"r01", "r02", "r03", "r06", "r07", "r08"},
    "insurer": {"r15", "r17", "r19", "r20", "r21", "r26", "r28", "r32"},
    "gas-utility": {
        "r26",
        "r35",
        "r36",
        "r37",
        "r39",
        "r40",
        "r41",
        "r43",
        "r44",
        "r45",
        "r47",
        "r49",
        "r50",
    },
    "front-office": {"r55", "r57", "r58"},
    "software-vendor": {"r65", "r66", "r68", "r69", "r72", "r73", "r74", "r75"},
}


def wordings(protocol: Protocol) -> Iterator[tuple[str, dict[Any, str]]]:
    """Everything of a protocol that is said or shown, by where it stands."""
    yield from protocol.scripts.items()
    yield from ((name, kind.titles) for name, kind in protocol.kinds.items())
    yield from protocol.departments.items()
    yield from protocol.next_steps.items()
    yield from ((name, item.asks) for name, item in protocol.scorecard.items())
    for name, dossier in protocol.dossiers.items():
        yield name, dossier.summary
        yield from dossier.facts.items()
    if protocol.buying_channels:
        yield "buying_channels", protocol.buying_channels


def test_the_five_protocols_ship() -> None:
    """One for each manual."""
    assert protocols.names() == ALL


@pytest.mark.parametrize("name", ALL)
def test_every_protocol_that_ships_can_be_loaded_by_its_name(name: str) -> None:
    """A protocol is named as its file is, and its company has a name."""
    assert SHIPS[name].name == name
    assert SHIPS[name].company


@pytest.mark.parametrize("name", ALL)
def test_everything_said_exists_in_three_languages(name: str) -> None:
    """Whatever the language of a call, there are words for it, with the same placeholders in each."""
    for where, wording in wordings(SHIPS[name]):
        assert wording.keys() == LANGUAGES, where
        assert len({frozenset(places(text)) for text in wording.values()}) == 1, where
    for key, script in SHIPS[name].scripts.items():
        assert len(set(script.values())) == 3, key


@pytest.mark.parametrize("name", ALL)
def test_each_protocol_has_the_scripts_of_its_manual_and_no_others(name: str) -> None:
    """No script, no prompt: what a manual does not say is not said in its centre."""
    assert {key[:3] for key in SHIPS[name].scripts} == THEIRS[name]


def test_every_prompt_that_a_service_issues_is_written_in_some_protocol() -> None:
    """No key is known in vain."""
    written = {key for protocol in SHIPS.values() for key in protocol.scripts}
    numbered = {key.rpartition(".")[0] + ".N" for key in written if key[-1].isdecimal()}
    assert written | numbered >= SCRIPT_KEYS


@pytest.mark.parametrize("name", ALL)
def test_every_matter_has_a_row(name: str) -> None:
    """R10, R51, R52: whatever is asked on whatever queue, some desk has it."""
    rows = [row for row in SHIPS[name].routing if not (row.kinds or row.products or row.queues)]
    taken = {category for row in rows for category in row.categories or get_args(Category)}
    assert taken == set(get_args(Category))


@pytest.mark.parametrize("name", ALL)
def test_the_public_holidays_of_every_calendar_are_known(name: str) -> None:
    """They can be written in when the protocol is published."""
    for calendar in SHIPS[name].calendars.values():
        closed = expanded(calendar, [2026]).closed
        assert datetime.date(2026, 1, 1) in closed


@pytest.mark.parametrize("name", ALL)
def test_no_signal_counts_twice_or_for_two_kinds(name: str) -> None:
    """Without accents and capitals every signal is still another one."""
    signals = [fold(signal) for kind in SHIPS[name].kinds.values() for signal in kind.signals]
    assert len(signals) == len(set(signals))


@pytest.mark.parametrize("name", ALL)
def test_a_protocol_survives_being_published(name: str) -> None:
    """As JSON and back it is the same."""
    text = SHIPS[name].model_dump_json(by_alias=True, exclude_none=True)
    assert Protocol.model_validate_json(text) == SHIPS[name]


def test_cold_industry_has_the_two_groups_and_besides_them_bank_and_direct_contact() -> None:
    """R04: the groups are those of the manual."""
    groups: dict[str, set[str]] = {}
    for name, kind in SHIPS["cold-industry"].kinds.items():
        groups.setdefault(kind.group, set()).add(name)
    assert groups == {
        "private": {"individual", "property-manager", "self-employed-subcontractor"},
        "trade": {"industrial-refrigeration", "key-account", "supplier", "subcontractor-firm"},
        "bank": {"bank"},
        "direct-contact": {"direct-contact"},
    }


def test_the_insurer_keeps_the_figures_of_its_manual() -> None:
    """R19, R22, R25, R29, R31: eight seconds, eleven, eight and four minutes, two minutes of hold, no record."""
    insurer = SHIPS["insurer"]
    limits = insurer.limits
    assert (limits.answer_s, limits.hold_s, limits.hold_warning_s) == (8, 120, 15)
    assert limits.handling_s == {"high": 660, "medium": 480, "low": 240}
    assert limits.wrap_up_s
    assert insurer.queue_alert
    assert insurer.cases.profile_after_request
    assert insurer.discreet
    assert insurer.asks_for is not None
    assert "contact.given.email" not in insurer.asks_for
    assert {"R15", "R21", "R23", "R30", "R31", "R32"} <= {item.rule for item in insurer.scorecard.values()}


def test_the_insurer_flags_the_clipped_questions_alone() -> None:
    """R32: the same words in an answer are clean."""
    insurer = SHIPS["insurer"]
    for text in ("Entiendo, ¿ya?", "Es así, ¿sí?", "¿si? Correcto."):
        assert [rule for rule, _ in insurer.forbids("speech", text)] == ["R32"], text
    for text in ("Sí, perfecto. Ya veo.", "¿Ya recibió la póliza?", "¿Sí, y desde cuándo?", "ya, sí"):
        assert not list(insurer.forbids("speech", text)), text


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("corte de llamado por ofensas", ["R38"]),
        ("Le voy a cortar", ["R38"]),
        ("voy a cortar la llamada, buenas tardes", ["R38"]),
        ("PROCEDO A CORTAR", ["R38"]),
        ("Cliente no quiere cortar", ["R38"]),
        ("vou cortar a ligação", ["R38"]),
        ("I am going to cut you off", ["R38"]),
        ("hay un corte de suministro en el sector", []),
        ("corte de gas y corte de luz programados", []),
        ("no le vamos a cortar el gas", []),
        ("le cortó el suministro la cuadrilla", []),
        ("se cortó la llamada y volvió a llamar", []),
        ("não vamos cortar o gás", []),
        ("libero la llamada, finalizo mi atención", []),
        ("hice un recorte y una postal", []),
        ("Reclame donde quiera", ["R42"]),
        ("usted puede reclamar donde sea", ["R42"]),
        ("quéjese donde quiera, señora", ["R42"]),
        ("pode reclamar onde quiser", ["R42"]),
        ("complain wherever you like", ["R42"]),
        ("podemos reclamar donde sea necesario", []),
        ("quiere reclamar y pregunta dónde", []),
    ],
)
def test_the_gas_utility_forbids_what_its_manual_does(text: str, rules: list[str]) -> None:
    """R38, R42: ending a call is not cutting it, and nobody is told to complain wherever they like."""
    gas = SHIPS["gas-utility"]
    for where in ("note", "speech"):
        assert sorted({rule for rule, _ in gas.forbids(where, text)}) == rules  # type: ignore[arg-type]


def test_the_gas_utility_has_the_ladders_of_its_manual() -> None:
    """R35 to R37, R39, R46, R49, R50: two warnings, three greetings, three next steps, and the exempt release."""
    gas = SHIPS["gas-utility"]
    assert gas.conduct is not None
    assert (gas.conduct.warnings, gas.conduct.greetings) == (2, 3)
    assert gas.limits.supervisor_s
    assert gas.next_steps.keys() == {"email_reply", "dispatch", "escalation_reply"}
    shifts = [promise.end_of for promise in gas.promises if promise.about == "next_step"]
    assert {*gas.limits.next_step_s, *shifts} == {"email_reply", "escalation_reply", "shift"}
    assert [item.exempt_after for item in gas.scorecard.values() if item.rule == "R50"] == [("R50",)]
    assert gas.cases.follow_up_departments.keys() == set(get_args(Category))


@pytest.mark.parametrize(
    ("key", "word"),
    [
        ("r37.release", "llámenos"),
        ("r43.next_steps", "libere"),
        ("r44.release_please", "duda"),
        ("r45.release", "resolución"),
        ("r47.release", "fiscalía"),
        ("r50.statement", "calidad"),
    ],
)
def test_the_gas_utilitys_scripts_say_what_they_must(key: str, word: str) -> None:
    """R37 invites back, R43 asks to release, R44 for doubts, R45 points to the resolution, R47 to the prosecutor."""
    assert word in SHIPS["gas-utility"].scripts[key]["es"]


def test_the_front_offices_numbers_are_those_of_its_manual() -> None:
    """R57, R59, R60: 807 is for sales alone and dear, and leads elsewhere for anything after them."""
    front, day = SHIPS["front-office"], datetime.date(2026, 3, 2)
    classes = {
        number: front.line_of(number, day) for number in ("+34902123456", "+34807123456", "+34931234567")
    }
    assert [line and line.line for line in classes.values()] == ["general", "sales_only", "geographic"]
    dear = classes["+34807123456"]
    assert dear is not None
    assert dear.premium
    assert "after_sales" in dear.never
    other = front.line_of(dear.instead, day)
    assert other is not None
    assert other.line == "geographic"
    assert front.line_of("+34807123456", datetime.date(2011, 12, 31)) is None
    assert front.limits.premium_handling_s == 180
    bounds = {it.figure: (it.bound, it.reported_above) for it in front.watched}
    assert bounds == {"premium_aht": (180, None), "answer_rate": (0.93, 0.95)}


def test_the_front_offices_work_is_shared_out_by_subject() -> None:
    """R51 to R54, R56, R61, R62: two offices, two tiers, levels by product, and what is promised."""
    front = SHIPS["front-office"]
    desks: dict[str, set[str]] = {}
    for row in front.routing:
        desks.setdefault(row.desk, set()).update(row.categories)
    assert desks == {
        "front-office": {"sales", "information", "question"},
        "back-office": {"after_sales", "invoice", "complaint", "error", "administrative"},
    }
    assert [row.tier for row in front.routing if row.products] == [2]
    assert front.shares.keys() == desks.keys()
    levels = {target.products: target.handling_s for target in front.targets if target.products}
    assert len(set(levels.values())) == len(levels) == 2
    told = {promise.rule: (promise.about, promise.end_of, promise.met_by) for promise in front.promises}
    assert told == {"R61": ("message", "day", "answered"), "R62": ("ticket", None, "reply_formalised")}
    assert front.cases.formal_reply_for == ("complaint",)


def test_the_software_vendor_asks_for_its_tickets_as_its_manual_does() -> None:
    """R64, R67, R70, R71, R73 to R75: before the answer, with what a question on a tool needs, at five minutes."""
    vendor = SHIPS["software-vendor"]
    assert vendor.cases.need_first
    assert vendor.cases.before_answer
    assert "question" not in vendor.cases.owed_for
    assert vendor.cases.required_with_tool == ("tool", "place")
    assert vendor.cases.screenshot_for == ("error",)
    assert vendor.cases.reception_desk
    assert vendor.limits.simple_question_s == 300
    assert vendor.limits.callback_s
    assert all(promise.pauses for promise in vendor.promises)


def test_plain_has_no_rules_at_all() -> None:
    """A centre without a protocol of its own records and counts."""
    assert Protocol(name="plain") == PLAIN
    assert PLAIN.model_dump(exclude_defaults=True) == {"name": "plain"}


def test_a_protocol_of_ones_own_is_loaded_by_its_path(tmp_path: Path) -> None:
    """A file need not be one that ships."""
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\nlimits.answer_s = 8\n')
    assert protocols.load(file) == protocols.load(str(file))
    assert protocols.load(file).limits.answer_s == 8


def test_only_scripts_that_some_service_issues_are_known() -> None:
    """A number stands where there are several of a kind, and there alone."""
    assert all(is_script(key) for key in ("r01.customer", "r32.confirm.1", "r32.confirm.12"))
    assert not any(
        is_script(key)
        for key in ("r32.confirm", "r32.confirm.N", "r32.confirm.0", "r01.customer.1", "r99.x", "")
    )


SALES_ONLY = """
lines = [{number = "+34807", line = "sales_only", never = ["after_sales"], instead = "+3491"%s}]
[queues]
sales = ["sales"]
after = ["after_sales"]
"""
PROMISE = 'promises = [{name = "p", rule = "R61"%s}]'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # a value on its own
        ("limits.answer_s = 0", "limits.answer_s: expected more than 0, found 0"),
        ('limits.answer_s = "fast"', 'limits.answer_s: expected a number, found "fast"'),
        (
            "limits.handling_s.huge = 5",
            "limits.handling_s.huge: expected 'high', 'medium' or 'low', found \"huge\"",
        ),
        ("version = 1.5", "version: expected a whole number, found 1.5"),
        (
            'timezone = "Mars/Olympus"',
            "timezone: expected an IANA time zone as Europe/Madrid, found 'Mars/Olympus'",
        ),
        ('region = "Spain"', 'region: expected two capital letters as ES, found "Spain"'),
        ("routing = [{desk = 'a'}, {priority = 2}]", "routing.2.desk: expected a value, found nothing"),
        ("routing = [{desk = 'a', priority = 10}]", "routing.1.priority: expected at most 9, found 10"),
        ("routing = [{desk = 'a', tier = 'two'}]", 'routing.1.tier: expected a whole number, found "two"'),
        (
            "routing = [{desk = 'a', categories = 'sales'}]",
            'routing.1.categories: expected a list, found "sales"',
        ),
        ("dossiers = []", "dossiers: expected a table, found a list"),
        (
            "lines = [{number = 'x', line = 'general'}]",
            "lines.1.number: expected a telephone number as +34902",
        ),
        (
            "scorecard.a = {rule = 'R7', asks = {}}",
            'scorecard.a.rule: expected a rule\'s id as R19, found "R7"',
        ),
        (
            "scripts.'r01.customer'.es = ''",
            "scripts.r01.customer.es: expected a text of 1 or more characters",
        ),
        (
            "scripts.'r01.customer'.fr = 'Oui'",
            "scripts.r01.customer.fr: expected 'es', 'pt' or 'en', found \"fr\"",
        ),
        ("forbidden = [{rule = 'R38', phrases = []}]", "forbidden.1.phrases: expected at least 1 of them"),
        (
            "calendars.c.slots.mon = ['9-14']",
            'calendars.c.slots.mon.1: expected hours as 09:00-14:00, found "9-14"',
        ),
        (
            "calendars.c.slots.mon = ['14:00-09:00']",
            "calendars.c.slots.mon.1: slot 14:00-09:00 must end after",
        ),
        ("calendars.c.slots.mon = []", "calendars.c: a calendar needs a slot on some day"),
        # keys that there are not, with the nearest that there are
        ("limts.answer_s = 8", "limts: expected a known one, perhaps 'limits', found 'limts'"),
        ("limits.anser_s = 8", "limits.anser_s: expected a known one, perhaps 'answer_s', found 'anser_s'"),
        (
            "routing = [{desk = 'a', prioritty = 2}]",
            "routing.1.prioritty: expected a known one, perhaps 'priority', found 'prioritty'",
        ),
        (
            "kinds.a = {group = 'g', titles = {}, titel = 1}",
            "kinds.a.titel: expected a known one, perhaps 'titles'",
        ),
        (
            "conduct = {warning = 2}",
            "conduct.warning: expected a known one, perhaps 'warnings', found 'warning'",
        ),
        ("privacy = {zzz = 2}", "privacy.zzz: expected one of: non_customers, found 'zzz'"),
        # what does not fit together
        (
            "routing = [{kinds = ['bank'], desk = 'd'}]",
            "routing.1.kinds: expected one of: none, found 'bank'",
        ),
        ("shares.a = {b = 60, c = 30}", "shares.a: expected shares that add up to 100, found 90"),
        ("queues.a = []\ntargets = [{queues = ['b']}]", "targets.1.queues: expected one of: a, found 'b'"),
        (PROMISE % "", "promises.1: expected either within_s or end_of, found neither"),
        (PROMISE % ", within_s = 5, calendar = 'c'", "promises.1.calendar: expected one of: none, found 'c'"),
        (
            PROMISE % ", end_of = 'day'",
            "promises.1.calendar: expected one, for the end of a day, found nothing",
        ),
        (
            "limits = {hold_s = 10, hold_warning_s = 10}",
            "limits.hold_warning_s: expected less than hold_s, found 10",
        ),
        (
            "watched = [{figure = 'answer_rate', rule = 'R60', bound = 93}]",
            "watched.1.bound: expected a share of at most 1, found 93",
        ),
        (
            "asks_for = ['contact.given.emial']",
            "asks_for: expected a known one, perhaps 'contact.given.email'",
        ),
        (
            "departments.billing.es = 'a'\ncases.follow_up_departments.invoice = ['biling']",
            "cases.follow_up_departments.invoice: expected a known one, perhaps 'billing', found 'biling'",
        ),
        (
            "scripts.'r26.greting'.es = 'a'",
            "scripts.r26.greting: expected a known one, perhaps 'r26.greeting'",
        ),
        (
            "scripts.'r26.greeting'.es = '{agnt}'",
            "scripts.r26.greeting.es: expected a known one, perhaps 'agent'",
        ),
        (
            "next_steps.dispatch.es = '{hour}'",
            "next_steps.dispatch.es: expected one of: actions, agent, channels",
        ),
        # the numbers dialled
        (
            SALES_ONLY % "",
            "lines.1.queues: R57: expected no queue for after_sales on +34807 (sales_only), found none",
        ),
        (
            SALES_ONLY % ", queues = ['sales', 'after']",
            "lines.1.queues: R57: expected no queue for after_sales on +34807 (sales_only), found 'after'",
        ),
        (
            "lines = [{number = '+34807', line = 'sales_only', instead = '+3491'}]",
            "lines.1.never: R57: expected 'after_sales' among them as +34807 is for sales only, found none",
        ),
        (
            "lines = [{number = '+34807', line = 'sales_only', never = ['after_sales'], instead = '+348070'}]",
            "lines.1.instead: R57: expected a number for after_sales, found '+348070'",
        ),
        (
            "lines = [{number = '902', line = 'general', never = ['error']}]",
            "lines.1.instead: expected the number for callers about error, found nothing",
        ),
        (
            "lines = [{number = '902', line = 'general'}]",
            "lines.1.number: expected + and digits as +34902, found '902'",
        ),
        # wording that a rule forbids
        (
            "forbidden = [{rule = 'R38', phrases = ['voy a cortar']}]\n[scripts.'r37.release']\nes = 'Voy a cortar.'",
            "scripts.r37.release.es: expected wording that R38 allows, found 'voy a cortar'",
        ),
        (
            "forbidden = [{rule = 'R42', phrases = ['onde quiser']}]\n[departments.a]\npt = 'onde quiser'",
            "departments.a.pt: expected wording that R42 allows, found 'onde quiser'",
        ),
    ],
)
def test_what_is_wrong_with_a_protocol_is_said(tmp_path: Path, text: str, said: str) -> None:
    """The error names the file, the key, what was expected there and what was found."""
    file = tmp_path / "wrong.toml"
    file.write_text(f'name = "x"\n{text}\n')
    with pytest.raises(protocols.ProtocolError) as raised:
        protocols.load(file)
    assert f"{file}: {said}" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"name = ", "expected TOML"),
        (b"name = '\xff'", "expected UTF-8"),
        (b"version = 1", "name: expected a value, found nothing"),
    ],
)
def test_what_is_no_protocol_is_said(tmp_path: Path, text: bytes, said: str) -> None:
    """A file that is something else is refused with what was expected."""
    file = tmp_path / "wrong.toml"
    file.write_bytes(text)
    with pytest.raises(protocols.ProtocolError, match=r"wrong\.toml: ") as raised:
        protocols.load(file)
    assert said in str(raised.value)


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    """Each complaint has a line of its own with the file and the key."""
    file = tmp_path / "wrong.toml"
    file.write_text("name = 'x'\nversion = 0\nlimits.answer_s = -1\nlimit = 3\n")
    with pytest.raises(protocols.ProtocolError) as raised:
        protocols.load(file)
    keys = [line.removeprefix(f"{file}: ").partition(":")[0] for line in str(raised.value).splitlines()]
    assert keys == ["version", "limits.answer_s", "limit"]


@pytest.mark.parametrize("queue", ["after-sales", "billing"])
def test_the_front_office_cannot_lead_its_sales_number_to_after_sales(queue: str, tmp_path: Path) -> None:
    """R57: publishing an after-sales queue on an 807 number is refused, in the protocol that ships too."""
    text = (Path(protocols.__file__).parent / "front-office.toml").read_text(encoding="utf-8")
    file = tmp_path / "front-office.toml"
    changed = text.replace('queues = ["sales"]\nnever', f'queues = ["sales", "{queue}"]\nnever')
    assert tomllib.loads(changed) != tomllib.loads(text)
    file.write_text(changed, encoding="utf-8")
    with pytest.raises(protocols.ProtocolError, match=f"R57.*'{queue}'"):
        protocols.load(file)


def test_a_name_that_is_none_is_answered_with_those_that_are() -> None:
    """Who mistypes a name sees which there are."""
    with pytest.raises(protocols.ProtocolError, match="cold-industry"):
        protocols.load("cold-industri")
