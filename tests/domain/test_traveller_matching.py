"""A traveller sent without an id is recognised, never by position, never as somebody named already."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from domain.traveller_matching import UnidentifiedTraveller, match_travellers
from domain.travellers import Traveller

HELMA = Traveller(id="h", given_name="Helma", family_name="Lovers", birth_date=date(2000, 2, 18))
HUAN = Traveller(id="u", given_name="Huan", family_name="Lovers", birth_date=date(2010, 2, 18))
TWIN = Traveller(id="t", given_name="Hulda", family_name="Lovers", birth_date=date(2000, 2, 18))


def stranger(traveller: Traveller, **changed: str | None) -> UnidentifiedTraveller:
    known = traveller.model_dump(include=set(UnidentifiedTraveller.model_fields))
    return UnidentifiedTraveller(**(known | changed))


def test_names_and_birth_date_say_who_it_is_whatever_the_order() -> None:
    assert match_travellers([stranger(HUAN), stranger(HELMA)], [HELMA, HUAN], set()) == ["u", "h"]


def test_a_corrected_name_is_the_same_traveller_when_one_birth_date_is_left() -> None:
    assert match_travellers([stranger(HELMA, family_name="Lover")], [HELMA, HUAN], set()) == ["h"]
    assert match_travellers([stranger(HELMA, given_name=None, family_name=None)], [HELMA, HUAN], set()) == ["h"]


def test_a_corrected_birth_date_is_the_same_traveller_when_the_names_are_one_persons() -> None:
    corrected = stranger(HELMA).model_copy(update={"birth_date": date(2000, 2, 19)})
    assert match_travellers([corrected], [HELMA, HUAN], set()) == ["h"]
    assert match_travellers([corrected.model_copy(update={"birth_date": None})], [HELMA, HUAN], set()) == ["h"]
    assert match_travellers([corrected, corrected], [HELMA], set()) == [None, None]


def test_a_birth_date_alone_makes_nobody_of_another_name() -> None:
    assert match_travellers([stranger(HELMA, given_name="Bob", family_name="Two")], [HELMA, HUAN], set()) == [None]


def test_twins_are_told_apart_by_name_and_otherwise_are_somebody_new() -> None:
    assert match_travellers([stranger(TWIN), stranger(HELMA)], [HELMA, TWIN], set()) == ["t", "h"]
    assert match_travellers([stranger(HELMA, given_name="Hildur")], [HELMA, TWIN], set()) == [None]
    assert match_travellers([stranger(TWIN), stranger(HELMA, given_name="Hildur")], [HELMA, TWIN], set()) == ["t", "h"]


def test_who_is_named_by_id_is_somebody_else() -> None:
    assert match_travellers([stranger(HELMA)], [HELMA, HUAN], {"h"}) == [None]


def test_without_any_detail_nobody_is_recognised() -> None:
    nobody = UnidentifiedTraveller(given_name=None, family_name=None, birth_date=None)
    assert match_travellers([nobody], [HELMA, Traveller(id="x")], set()) == [None]


_PEOPLE = st.builds(
    Traveller,
    id=st.sampled_from("abcdefgh"),
    given_name=st.sampled_from(["Ann", "Bob", None]),
    birth_date=st.sampled_from([date(2000, 1, 1), date(2001, 1, 1), None]),
)


@given(st.lists(_PEOPLE, max_size=6), st.lists(_PEOPLE, max_size=6, unique_by=lambda each: each.id))
def test_nobody_is_two_people(sent: list[Traveller], there: list[Traveller]) -> None:
    found = [each for each in match_travellers([stranger(each) for each in sent], there, set()) if each]
    assert len(set(found)) == len(found)
    assert set(found) <= {each.id for each in there}
