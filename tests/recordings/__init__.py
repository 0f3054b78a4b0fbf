"""Stories, one for each way a draft can go. Their names are those of the files in tests/histories: stored for ever."""

from tests.recordings import endings, failures, runs
from tests.recordings.told import Story

STORIES: dict[str, Story] = endings.STORIES | failures.STORIES | runs.STORIES
