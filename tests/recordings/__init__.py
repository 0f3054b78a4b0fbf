"""Stories: one for each way in which a draft or a delivery can end. Each is recorded as a history.

The name of a story is the name of its file in tests/histories, and never changes.
"""

from tests.recordings import deliveries, endings, failures, runs
from tests.recordings.story import Story

STORIES: dict[str, Story] = endings.STORIES | failures.STORIES | runs.STORIES | deliveries.STORIES
