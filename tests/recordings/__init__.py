"""Stories, one for each way a draft, or a delivery, can go.

Their names are those of the files in tests/histories: stored for ever.
"""

from tests.recordings import deliveries, endings, failures, runs
from tests.recordings.story import Story

STORIES: dict[str, Story] = endings.STORIES | failures.STORIES | runs.STORIES | deliveries.STORIES
