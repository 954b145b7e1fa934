"""The examination of one account, from its host's name to a configuration that fits."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from statistics import median

from exporter.config import AccountConfig, AsWritten
from exporter.doctor import access, beside, lists, network, trial
from exporter.doctor.asker import Asker, OutOfRequests
from exporter.doctor.configuration import configuration
from exporter.doctor.failures import failure_of, remedy, told
from exporter.doctor.finding import Check, Finding, Verdict
from exporter.doctor.settings import Facts, page_size
from exporter.exotel.errors import ApiError, Reason

Say = Callable[[str], None]

_NO_FILE = AsWritten()
_PASSING = {Reason.SERVER_ERROR, Reason.RATE_LIMITED, Reason.TIMEOUT, Reason.BAD_RESPONSE, Reason.CONNECTION}
_PAUSES = (2.0, 8.0)  # seconds; after 429 the rate limit makes longer ones


@dataclass(frozen=True, slots=True)
class Report:
    """What was found of an account; the configuration is empty where nothing can be configured yet."""

    name: str
    requests: int
    findings: tuple[Finding, ...]
    configuration: str = ""
    is_stopped: bool = False
    enough_requests: int | None = None
    """With how many more could be told; None where these were enough."""

    @property
    def must_change(self) -> bool:
        """Return whether something must be changed."""
        return any(finding.verdict is Verdict.MUST_CHANGE for finding in self.findings)


class Examination:
    """Examines an account within the requests that an asker may make.

    `variables` are the names of those that hold its key and token in the configuration; `as_written` is what
    the operator's file says of it.
    """

    def __init__(
        self,
        asker: Asker,
        say: Say,
        variables: tuple[str, str] = ("EXOTEL_API_KEY", "EXOTEL_API_TOKEN"),
        as_written: AsWritten = _NO_FILE,
    ) -> None:
        self._account: AccountConfig = asker.account
        self._asker = asker
        self._say = say
        self._variables = variables
        self._as_written = as_written
        self._findings: list[Finding] = []
        self._configuration = ""
        self._enough_requests = 0

    def run(self) -> Report:
        """Return what was found, as far as the requests went."""
        with suppress(OutOfRequests):
            self._examine()
        collection = self._account.collection
        self._findings += access.judge_time(self._asker.replies, collection.timeout)
        latest = {finding.check: finding for finding in self._findings}  # what was found last holds
        ordered = tuple(latest[check] for check in Check if check in latest)
        is_stopped = self._asker.is_stopped
        whole = "" if is_stopped else self._configuration
        lacks = any(finding.verdict is Verdict.NOT_TOLD for finding in ordered)
        is_ended = is_stopped or self._asker.has_given_up
        is_short = lacks and not is_ended and self._enough_requests > self._asker.made + self._asker.left
        enough = self._enough_requests if is_short else None
        return Report(self._account.name, self._asker.made, ordered, whole, is_stopped, enough)

    def _examine(self) -> None:
        if not self._can_connect():
            return
        if not self._can_list():
            return
        examined = lists.examine(self._asker, self._say)
        self._findings += examined.findings
        self._enough_requests = examined.extent.enough_requests
        if not self._asker.has_given_up:
            self._configure(examined)
        revoked = access.judge_revocation(self._asker.replies)
        if revoked:
            self._configuration = ""  # what was refused is no trait of the API
        self._findings += revoked

    def _configure(self, examined: lists.ListExamination) -> None:
        """Look at what is beside the list, try the exporter's own listing, and configure what fits."""
        around, findings = beside.examine(
            self._asker, examined.in_progress, self._say, is_list_read=examined.is_read
        )
        self._findings += findings
        self._say("listing the calls as the exporter does")
        size = page_size(examined.accepted, self._account.collection.page_size)
        tried, finding = trial.examine(self._asker, size, examined.doubt)
        self._findings.append(finding)
        times = [reply.first_byte for reply in self._asker.replies if reply.first_byte is not None]
        extent = examined.extent
        facts = Facts(
            examined.accepted,
            tried,
            around,
            median(times) if times else None,
            examined.duration,
            tried.calls or extent.rows,
            tried.requests or extent.pages + (extent.pages > 1),
        )
        self._configuration = configuration(self._account, self._as_written, facts, self._variables)

    def _can_connect(self) -> bool:
        """Return whether there is a way to the host; through a proxy that is the proxy's business."""
        if self._account.collection.proxy_url is not None:
            return True
        self._say("looking up the host, connecting to its addresses")
        try:
            found = network.judge(network.look_at(self._account), time.time())
        except ApiError as error:  # the file of authorities can't be used
            text = f"{told(error)}. {remedy(error)}"
            found = [Finding(Check.TLS, Verdict.MUST_CHANGE, "refused", text)]
        self._findings += found
        return not any(finding.verdict is Verdict.MUST_CHANGE for finding in found)

    def _can_list(self) -> bool:
        """Return whether the account gives a list."""
        self._say("asking for the list of calls")
        account, answered = self._account, None
        error = self._ask_first()
        if error and access.may_be_elsewhere(error):
            with suppress(OutOfRequests):  # what the first answer told holds without them
                answered = self._look_elsewhere()
        found = access.judge_proxy(account, error)
        if account.collection.proxy_url is not None:
            found += access.judge_tls_through_proxy(account, error)
        found += access.judge_answer(account, error, answered)
        self._findings += found
        if error and not any(finding.verdict is Verdict.MUST_CHANGE for finding in found):
            text = f"The list can't be had: {told(error)}. {remedy(error)}"
            self._findings.append(Finding(Check.LISTING, Verdict.MUST_CHANGE, str(error.reason), text))
        return error is None

    def _ask_first(self) -> ApiError | None:
        """Return why the first page isn't given; what may be over in a moment is asked for again."""
        error = failure_of(self._asker.page(limit=1).reply)
        for pause in _PAUSES:
            if error is None or error.reason not in _PASSING or not self._asker.left:
                break
            self._asker.sleep(pause)
            error = failure_of(self._asker.page(limit=1).reply)
        return error

    def _look_elsewhere(self) -> str | None:
        """Return another host that has the account."""
        for host in access.other_hosts(self._account):
            self._say(f"asking {host}")
            if failure_of(self._asker.elsewhere(host)) is None:
                return host
        return None
