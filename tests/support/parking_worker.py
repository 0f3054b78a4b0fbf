"""A worker of the release with the new step, with the faults armed in a folder.

python -m tests.support.parking_worker FOLDER
"""

import runpy

import pytest

from tests.support import parking

if __name__ == "__main__":
    parking.register(pytest.MonkeyPatch())
    runpy.run_module("cli.faults.worker", run_name="__main__")
