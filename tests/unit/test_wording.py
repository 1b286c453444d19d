"""How phrases are found in what people say: by whole words, in any spelling, outside of what is excepted."""

import pytest

from contracts.base import Language
from contracts.wording import fold, found, heard, worded


def test_accents_and_capitals_do_not_count_but_an_n_with_a_tilde_is_a_letter() -> None:
    """The year is not what one sits on, in any spelling."""
    assert fold("¡Qué AÑO, mi corazón!") == " que año mi corazon "
    assert not list(found("diez años", ["anos"]))
    assert list(found("IMBE\u0301CIL", ["imbécil"])) == ["imbécil"]


@pytest.mark.parametrize("text", ["una disputa", "la computadora", "su reputación", "Putaendo", "diputado"])
def test_a_phrase_inside_a_word_is_not_found(text: str) -> None:
    """Only whole words count."""
    assert not list(found(text, ["puta"]))


def test_a_question_is_only_found_as_a_question() -> None:
    """Saying yes is no impatience."""
    phrases = ["¿ya?", "¿sí?"]
    assert list(found("Entiendo, ¿ya?", phrases)) == ["¿ya?"]
    assert list(found("¿Si? Le escucho", phrases)) == ["¿sí?"]
    for clean in ("ya veo", "sí, señora", "¿ya veo?", "¿y si llamo?"):
        assert not list(found(clean, phrases)), clean


def test_words_of_the_trade_are_not_the_words_that_are_forbidden() -> None:
    """Supply is cut, calls are not."""
    phrases = ["corte de llamado", "corte de llamada"]
    assert list(found("Hubo un corte de llamado.", phrases)) == ["corte de llamado"]
    assert not list(found("un corte de suministro", phrases))


def test_a_star_stands_for_any_ending_and_only_for_an_ending() -> None:
    """Inflected forms need no list."""
    for text in ("imbécil", "imbéciles", "IMBECILIDAD"):
        assert list(found(text, ["imbecil*"])) == ["imbecil*"], text
    assert not list(found("no imbe", ["imbecil*"]))
    assert list(found("la oí", ["o*"])) == ["o*"]


def test_a_stroke_stands_between_words_of_the_same_place() -> None:
    """Of several words one joins them by hyphens."""
    phrase = "voy-a/pienso colgar/cortar"
    for text in ("voy a colgar", "pienso cortar"):
        assert list(found(text, [phrase])) == [phrase], text
    for text in ("voy colgar", "pienso a cortar", "voy a"):
        assert not list(found(text, [phrase])), text


def test_dots_stand_for_up_to_four_words() -> None:
    """None, four, not five."""
    assert list(found("no cuelgo", ["no … cuelgo"]))
    assert list(found("no, yo a usted le cuelgo", ["no … cuelgo"]))
    assert not list(found("no yo a usted ya le cuelgo", ["no … cuelgo"]))


def test_what_is_excepted_is_not_found_nor_reached_across() -> None:
    """An exception takes its words out of the text."""
    assert not list(found("voy de puta madre", ["puta"], ["de puta madre"]))
    assert list(found("de puta madre, puta", ["puta"], ["de puta madre"]))
    assert not list(found("no la puta madre cuelgo", ["no … cuelgo"], ["puta madre"]))


def test_phrases_come_in_the_order_of_the_list_with_the_words_that_were_heard() -> None:
    """The first phrase is the first of the list, not of the text."""
    assert list(heard("Dos, ¡UNÓS!", ["uno*", "tres", "dos"])) == [("uno*", "unos"), ("dos", "dos")]


def test_a_letter_drawn_out_counts_once_and_double_letters_stay() -> None:
    """Who shouts is understood; figures are left alone."""
    assert list(found("mieeeerda", ["mierda"]))
    assert list(found("llamo al 1000", ["llamo", "1000"])) == ["llamo", "1000"]


def test_figures_within_a_word_are_read_as_letters_and_numbers_are_left_alone() -> None:
    """Who writes figures for letters is understood; a phrase that is a number is found."""
    for text in ("1d10ta", "idi0t4", "IDI0TA"):
        assert list(found(text, ["idiota"])) == ["idiota"], text
    assert list(found("canal 13, 10 cilindros", ["canal 13", "10"])) == ["canal 13", "10"]


def test_a_script_that_begins_with_what_is_not_known_begins_with_its_next_word() -> None:
    """No comma leads a sentence, and the first letter is a capital."""
    scripts: dict[str, dict[Language, str]] = {"key": {"es": "{title} {name}, gracias por esperar."}}
    assert worded(scripts, "key", ("es",), {}) == ("es", "Gracias por esperar.")
    assert worded(scripts, "key", ("es",), {"name": "van Gil"}) == ("es", "van Gil, gracias por esperar.")


def test_phrases_without_words_are_never_found() -> None:
    """Nothing stands for nothing."""
    assert not list(found("hola … ¡hola!", ["", "…", "!", "/"]))
