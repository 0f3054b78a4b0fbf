"""The clients' own book finds what was told in two ways, and how long a kill was felt."""

from dataclasses import replace

from tests.soak.client_log import ClientLog, ObservedAnswer

DONE = ObservedAnswer("k", 1.0, 2.0, 200, None, "c", "done", content={"state": "done"})


def book(*tellings: ObservedAnswer) -> ClientLog:
    made = ClientLog()
    for each in tellings:
        made.first_sent.setdefault(each.key, each.sent)
        made.record_answer(each)
    return made


def rules(ledger: ClientLog) -> set[str]:
    return {each.rule for each in ledger.contradictions()}


def test_the_same_outcome_told_again_is_no_contradiction() -> None:
    assert rules(book(DONE, replace(DONE, told=3.0, replayed=True))) == set()


def test_a_request_that_was_only_taken_on_is_answered_in_other_words_later() -> None:
    taken_on = replace(DONE, status=202, state="running", words={"state": "running"})
    assert rules(book(taken_on, DONE)) == set()
    refused = replace(DONE, status=409, state="refused", code="NO_DRAFT", words={"code": "NO_DRAFT"})
    assert rules(book(replace(refused, status=202, code=None, words={"state": "refused"}), refused)) == set()


def test_another_outcome_of_the_same_change_is_a_contradiction() -> None:
    undone = replace(DONE, state="undone", code="STEP_FAILED", words=None)
    assert rules(book(DONE, undone)) == {"an outcome once told never changes"}
    refused = replace(DONE, state="refused", code="SOLD_OUT", words=None)
    other = replace(refused, code="ORDER_BUSY")
    assert rules(book(refused, other)) == {"an outcome once told never changes"}


def test_other_words_under_the_same_key_are_a_contradiction() -> None:
    assert rules(book(DONE, replace(DONE, change="d"))) == set()
    other = replace(DONE, change="d", words={"state": "done", "lines": []})
    assert rules(book(DONE, other)) == {"the same key has the same answer"}


def test_work_goes_on_with_the_first_change_sent_after_a_kill_that_had_no_outcome_yet() -> None:
    before = replace(DONE, key="before", sent=4.0, told=5.5)
    known = replace(DONE, key="known", sent=5.2, told=5.6, replayed=True)
    looked = replace(DONE, key="looked", sent=5.2, told=5.7, looked=True)
    fresh = replace(DONE, key="fresh", sent=5.1, told=7.0)
    assert book(before, known, looked, fresh).next_success(5.0) == 7.0
    assert book(before).next_success(5.0) is None


def test_under_way_at_a_kill_is_what_was_sent_before_and_ended_after() -> None:
    ended = replace(DONE, key="ended", sent=1.0, told=2.0)
    felt = replace(DONE, key="felt", sent=4.0, told=8.0)
    later = replace(DONE, key="later", sent=6.0, told=7.0)
    assert book(ended, felt, later).seconds_in_progress(5.0) == [3.0]
