"""The settings of a simulated contact centre and of the API in front of it."""

from dataclasses import dataclass
from typing import Literal

from exporter.simulator.faults import Fault
from exporter.simulator.phone_numbers import Numbers
from exporter.simulator.profile import AgentStreamsFormat, Profile

Order = Literal["oldest", "newest", "shuffled"]
OverLimit = Literal["cut", "reject"]

#: Load by hour of the day, 0 to 23, as a share of the busiest hour.
OFFICE_DAY = (
    0.08, 0.06, 0.05, 0.05, 0.05, 0.08, 0.15, 0.30, 0.55, 0.80, 0.95, 1.00,
    0.95, 0.80, 0.82, 0.92, 0.98, 0.95, 0.80, 0.62, 0.48, 0.35, 0.22, 0.12,
)  # fmt: skip
#: A constant load.
FLAT_DAY = (1.0,) * 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings with times in seconds; equal ones give equal contact centres."""

    # The contact centre
    calls: int = 120
    """Active calls at the start; later their number follows the day's load."""
    call_limit: int | None = None
    """Calls at once; a call that would be one more is refused, and is never listed."""
    seed: int = 1
    agents: int | None = None
    """Number of agents; 0.9 per call at the start if None."""
    second_calls: float = 0.0
    """Share of calls offered to a random agent, who may already have one."""
    linger: float = 0.0
    """How long an ended call stays in the list, with its final status."""
    stream_limit: int = 100
    """Maximum number of AgentStream sessions."""
    agent_streams_format: AgentStreamsFormat = "json"
    """How they are reported: the newer edition of the API's documentation shows XML."""
    day: tuple[float, ...] = OFFICE_DAY
    start_hour: float = 10.0
    """Hour of the day at the start; its load is `calls`."""

    # Its clock
    epoch: float | None = None
    """Unix time at the start; now if None."""
    speed: float = 1.0
    """Simulated seconds per real second; 0 stops the clock."""
    step: float = 0.0
    """Simulated seconds per request for the list, so that it changes reproducibly while it is paged."""

    # Its API
    account_sid: str = "demo"
    """May be a pattern, like *: many accounts, whose lists are all the same."""
    api_key: str = "demo"
    api_token: str = "demo"  # noqa: S105 (not a secret: the simulator listens on loopback)
    max_limit: int = 100
    over_limit: OverLimit = "cut"
    ignore_paging: bool = False
    """Every page is the whole list."""
    ignore_offset: bool = False
    """Every page is the first one."""
    order: Order = "oldest"
    profile: Profile | None = None
    """How the list is maintained and served, instead of `max_limit` to `order`, and what is beside it."""
    numbers: Numbers = "e164"
    """The format of telephone numbers in rows; mixed: one format per call."""
    latency: float = 0.0
    gzip: bool = False
    """Compress responses for clients that accept it."""
    requests_per_minute: int = 0
    """Further requests get 429 until the minute is over; 0 is unlimited."""
    faults: tuple[Fault, ...] = ()
