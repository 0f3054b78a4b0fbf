"""A resolver for tests: each host name has the addresses that the test gives it."""

from collections.abc import Mapping, Sequence


class FakeDns:
    """Returns a host's answers one after the other, and its last answer from then on."""

    def __init__(self, answers: Mapping[str, Sequence[list[str]]]) -> None:
        self._answers = {host: list(each) for host, each in answers.items()}
        self.lookups: list[str] = []

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the next addresses of a host; raise OSError for an unknown one."""
        self.lookups.append(host)
        answers = self._answers.get(host)
        if not answers:
            raise OSError(host)
        return answers.pop(0) if len(answers) > 1 else answers[0]
