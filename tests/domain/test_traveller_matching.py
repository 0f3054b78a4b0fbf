"""A traveller sent without an id is matched by details, never by position or with a traveller named by id."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from domain.traveller_matching import UnidentifiedTraveller, match_travellers
from domain.travellers import Traveller

HELMA = Traveller(id="h", given_name="Helma", family_name="Lovers", birth_date=date(2000, 2, 18))
HUAN = Traveller(id="u", given_name="Huan", family_name="Lovers", birth_date=date(2010, 2, 18))
HULDA = Traveller(id="t", given_name="Hulda", family_name="Lovers", birth_date=date(2000, 2, 18))


def unidentified(traveller: Traveller, **changed: str | None) -> UnidentifiedTraveller:
    known = traveller.model_dump(include=set(UnidentifiedTraveller.model_fields))
    return UnidentifiedTraveller(**(known | changed))


def test_names_and_birth_date_identify_a_traveller_in_any_order() -> None:
    assert match_travellers([unidentified(HUAN), unidentified(HELMA)], [HELMA, HUAN], set()) == ["u", "h"]


def test_a_corrected_name_is_the_same_traveller_when_the_birth_date_is_unique() -> None:
    assert match_travellers([unidentified(HELMA, family_name="Lover")], [HELMA, HUAN], set()) == ["h"]
    assert match_travellers([unidentified(HELMA, given_name=None, family_name=None)], [HELMA, HUAN], set()) == ["h"]


def test_a_corrected_birth_date_is_the_same_traveller_when_the_names_are_unique() -> None:
    corrected = unidentified(HELMA).model_copy(update={"birth_date": date(2000, 2, 19)})
    assert match_travellers([corrected], [HELMA, HUAN], set()) == ["h"]
    assert match_travellers([corrected.model_copy(update={"birth_date": None})], [HELMA, HUAN], set()) == ["h"]
    assert match_travellers([corrected, corrected], [HELMA], set()) == [None, None]


def test_a_birth_date_with_other_names_is_a_new_traveller() -> None:
    assert match_travellers([unidentified(HELMA, given_name="Bob", family_name="Two")], [HELMA, HUAN], set()) == [None]


def test_travellers_with_one_birth_date_are_matched_by_name_or_count_as_new() -> None:
    assert match_travellers([unidentified(HULDA), unidentified(HELMA)], [HELMA, HULDA], set()) == ["t", "h"]
    assert match_travellers([unidentified(HELMA, given_name="Hildur")], [HELMA, HULDA], set()) == [None]
    assert match_travellers([unidentified(HULDA), unidentified(HELMA, given_name="Hildur")], [HELMA, HULDA], set()) == [
        "t",
        "h",
    ]


def test_a_traveller_named_by_id_is_not_matched_again() -> None:
    assert match_travellers([unidentified(HELMA)], [HELMA, HUAN], {"h"}) == [None]


def test_without_any_detail_no_traveller_is_matched() -> None:
    unknown = UnidentifiedTraveller(given_name=None, family_name=None, birth_date=None)
    assert match_travellers([unknown], [HELMA, Traveller(id="x")], set()) == [None]


_PEOPLE = st.builds(
    Traveller,
    id=st.sampled_from("abcdefgh"),
    given_name=st.sampled_from(["Ann", "Bob", None]),
    birth_date=st.sampled_from([date(2000, 1, 1), date(2001, 1, 1), None]),
)


@given(st.lists(_PEOPLE, max_size=6), st.lists(_PEOPLE, max_size=6, unique_by=lambda each: each.id))
def test_no_known_traveller_is_matched_twice(sent: list[Traveller], known: list[Traveller]) -> None:
    found = [each for each in match_travellers([unidentified(each) for each in sent], known, set()) if each]
    assert len(set(found)) == len(found)
    assert set(found) <= {each.id for each in known}
