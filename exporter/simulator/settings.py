"""What can be set of a simulated contact centre and of the API in front of it."""

from dataclasses import dataclass
from typing import Literal

from exporter.simulator.faults import Fault
from exporter.simulator.numbers import Numbers
from exporter.simulator.profile import Profile

Order = Literal["oldest", "newest", "shuffled"]
OverLimit = Literal["cut", "reject"]
AgentStreamsFormat = Literal["json", "xml"]

#: Load by hour of the day, 0 to 23, as a share of the busiest hour.
OFFICE_DAY = (
    0.08, 0.06, 0.05, 0.05, 0.05, 0.08, 0.15, 0.30, 0.55, 0.80, 0.95, 1.00,
    0.95, 0.80, 0.82, 0.92, 0.98, 0.95, 0.80, 0.62, 0.48, 0.35, 0.22, 0.12,
)  # fmt: skip
#: Load that doesn't follow the hour.
FLAT_DAY = (1.0,) * 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A centre and its API. Times are in seconds; with the same settings a centre is the same."""

    # The centre
    calls: int = 120
    """Active calls at the start, exactly; later their number follows the day."""
    seed: int = 1
    agents: int | None = None
    """How many agents work; 0.9 for each call at the start unless set."""
    second_calls: float = 0.0
    """Share of the calls that go to an agent who may have one already."""
    linger: float = 0.0
    """How long an ended call stays in the list, with its final status."""
    stream_limit: int = 100
    """AgentStream sessions allowed."""
    agent_streams_format: AgentStreamsFormat = "json"
    """How they are told: XML is what the newer edition of the API's page shows."""
    day: tuple[float, ...] = OFFICE_DAY
    start_hour: float = 10.0
    """Hour of the day at the start: the load of this hour is `calls`."""

    # Its time
    epoch: float | None = None
    """Unix time at which the centre starts; now unless set."""
    speed: float = 1.0
    """Seconds that pass in the centre for each real one; 0 stands still."""
    step: float = 0.0
    """Seconds that pass with each request for the list: it moves while it is paged, each time alike."""

    # Its API
    account_sid: str = "demo"
    api_key: str = "demo"
    api_token: str = "demo"  # noqa: S105 (not a secret: the simulator listens on loopback)
    max_limit: int = 100
    over_limit: OverLimit = "cut"
    ignore_paging: bool = False
    """Every page is the whole list, whatever `limit` and `offset` say."""
    ignore_offset: bool = False
    """Every page is the first one."""
    order: Order = "oldest"
    profile: Profile | None = None
    """How the list is kept and served, in place of all from `max_limit` to `order`; it knows no filters."""
    numbers: Numbers = "e164"
    """How rows write telephone numbers; mixed is one way for each call."""
    latency: float = 0.0
    gzip: bool = False
    """Compress for those who accept it."""
    requests_per_minute: int = 0
    """More are answered 429 until the minute is over; 0 for no limit."""
    faults: tuple[Fault, ...] = ()
