"""The clients' log finds contradictory answers, and how long a kill delayed changes."""

from dataclasses import replace

from tests.soak.client_log import ClientLog, ObservedAnswer

DONE = ObservedAnswer("k", 1.0, 2.0, 200, None, "c", "done", content={"state": "done"})


def log_of(*answers: ObservedAnswer) -> ClientLog:
    client_log = ClientLog()
    for each in answers:
        client_log.first_sent.setdefault(each.key, each.sent)
        client_log.record_answer(each)
    return client_log


def rules(client_log: ClientLog) -> set[str]:
    return {each.rule for each in client_log.contradictions()}


def test_the_same_outcome_answered_again_is_no_contradiction() -> None:
    assert rules(log_of(DONE, replace(DONE, answered_at=3.0, replayed=True))) == set()


def test_an_accepted_request_may_be_answered_with_other_content_later() -> None:
    accepted = replace(DONE, status=202, state="running", content={"state": "running"})
    assert rules(log_of(accepted, DONE)) == set()
    refused = replace(DONE, status=409, state="refused", code="NO_DRAFT", content={"code": "NO_DRAFT"})
    assert rules(log_of(replace(refused, status=202, code=None, content={"state": "refused"}), refused)) == set()


def test_another_outcome_of_the_same_change_is_a_contradiction() -> None:
    undone = replace(DONE, state="undone", code="STEP_FAILED", content=None)
    assert rules(log_of(DONE, undone)) == {"an outcome never changes"}
    refused = replace(DONE, state="refused", code="SOLD_OUT", content=None)
    other = replace(refused, code="ORDER_BUSY")
    assert rules(log_of(refused, other)) == {"an outcome never changes"}


def test_other_content_under_the_same_key_is_a_contradiction() -> None:
    assert rules(log_of(DONE, replace(DONE, change="d"))) == set()
    other = replace(DONE, change="d", content={"state": "done", "lines": []})
    assert rules(log_of(DONE, other)) == {"the same key has the same answer"}


def test_work_continues_with_the_first_change_sent_after_a_kill_that_had_no_outcome_yet() -> None:
    before = replace(DONE, key="before", sent=4.0, answered_at=5.5)
    known = replace(DONE, key="known", sent=5.2, answered_at=5.6, replayed=True)
    polled = replace(DONE, key="polled", sent=5.2, answered_at=5.7, from_change_page=True)
    fresh = replace(DONE, key="fresh", sent=5.1, answered_at=7.0)
    assert log_of(before, known, polled, fresh).next_success(5.0) == 7.0
    assert log_of(before).next_success(5.0) is None


def test_in_progress_at_a_kill_is_every_request_sent_before_and_ended_after() -> None:
    ended = replace(DONE, key="ended", sent=1.0, answered_at=2.0)
    felt = replace(DONE, key="felt", sent=4.0, answered_at=8.0)
    later = replace(DONE, key="later", sent=6.0, answered_at=7.0)
    assert log_of(ended, felt, later).seconds_in_progress(5.0) == [3.0]
