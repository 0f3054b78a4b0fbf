"""The kinds of changes that are measured, and the steps of each."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench import workload
from bench.workload import ChangeSpec

STANDARD, FLEXIBLE = "standard", "flexible"
EARLY_TRAIN, LATE_TRAIN = "4711", "4713"


@dataclass(frozen=True)
class Kind:
    """A change in one go."""

    name: str
    spec: ChangeSpec
    steps: str
    """Its steps, L for a local activity and N for a regular one: the bare workflow runs the same."""


ADD = Kind("add", ChangeSpec(STANDARD, EARLY_TRAIN, adds=True, token=workload.OK), "LLLLLLLNLL")
DEARER = Kind("dearer", ChangeSpec(FLEXIBLE, LATE_TRAIN, token=workload.OK), "LLLLLLLNLL")
CHEAPER = Kind("cheaper", ChangeSpec(STANDARD, EARLY_TRAIN, token=workload.OK, refund=True), "LLLLLLNLL")
REFUSED = Kind(
    "refused", ChangeSpec(FLEXIBLE, LATE_TRAIN, token=workload.REFUSED, code="PAYMENT_REFUSED"), "LLLLLLLNNNNL"
)
KINDS = (ADD, DEARER, CHEAPER, REFUSED)
"""In this order an order goes through them; it ends confirmed with one line, also after the refusal."""

DRAFTED = (
    ChangeSpec(FLEXIBLE, LATE_TRAIN),
    ChangeSpec(FLEXIBLE, EARLY_TRAIN),
    ChangeSpec(FLEXIBLE, LATE_TRAIN, refund=True),
)
"""Three changes of one draft; each replaces the bundle of the one before, and none goes back to what was confirmed."""

INTO_DRAFT, CONFIRM = "into a draft", "confirm"
FIVE = "NNNNN"
"""B5: five regular activities, as a first version of such a workflow has."""
BARE: Mapping[str, str] = {"B5": FIVE, **{f"B({kind.name})": kind.steps for kind in (DEARER, CHEAPER, REFUSED)}}
"""Bare workflows by name. A change that adds has the steps of a dearer one."""
