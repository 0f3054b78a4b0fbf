"""Names with the addresses a test gives them."""

from collections.abc import Mapping, Sequence


class FakeDns:
    """A resolver that answers what it is told, one answer after the other; the last one stays."""

    def __init__(self, answers: Mapping[str, Sequence[list[str]]]) -> None:
        self._answers = {host: list(each) for host, each in answers.items()}
        self.lookups: list[str] = []

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a name."""
        self.lookups.append(host)
        answers = self._answers.get(host)
        if not answers:
            raise OSError(host)
        return answers.pop(0) if len(answers) > 1 else answers[0]
