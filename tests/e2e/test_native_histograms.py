"""Native histograms as docs/install.md describes them: a Prometheus 3 makes them of the exporter's own."""

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import yaml

from exporter.metrics.definitions import CATALOGUE
from exporter.metrics.metric import Kind
from tests import markdown
from tests.e2e import exotel, servers
from tests.tools import require_newer
from tests.waiting import wait_until

HISTOGRAMS = [metric.name for metric in CATALOGUE if metric.kind is Kind.HISTOGRAM]
GAUGE_HISTOGRAM = "exotel_active_call_duration_seconds"

# Never exactly between two of fewer than 20,000 calls: there, PromQL may take either side of an empty bucket,
# and takes another one for native histograms than for classic ones.
QUANTILES = (0.12345, 0.56789, 0.98765)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a newer Prometheus with the job of the page, and with one that keeps no classic histograms.

    Minutes pass in seconds at the centre that it watches.
    """
    [described] = re.findall(
        r"^### Native histograms\n.*?^```yaml\n(.*?)^```$",
        markdown.text(markdown.PAGES["install.md"]),
        re.MULTILINE | re.DOTALL,
    )
    [job] = yaml.safe_load(described)["scrape_configs"]
    folder = tmp_path_factory.mktemp("native")
    with ExitStack() as stack:
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        environment.setenv("PATH", str(require_newer()), prepend=os.pathsep)
        url = stack.enter_context(exotel.simulator(folder, "--calls=50", "--speed=20"))
        exporter, _ = stack.enter_context(exotel.exporter("exporter", folder, url, limit=100))
        job |= {
            "static_configs": [{"targets": [exporter]}],
            "scrape_interval": f"{servers.minute()}s",
            "scrape_timeout": f"{servers.minute()}s",
        }
        alone = {key: value for key, value in job.items() if key != "always_scrape_classic_histograms"} | {
            "job_name": "native alone"
        }
        config = {"scrape_configs": [job, alone]}
        yield stack.enter_context(servers.prometheus_with(folder, config, "native-histograms"))


@pytest.mark.parametrize("name", HISTOGRAMS)
def test_a_native_histogram_says_what_the_classic_one_says(prometheus: str, name: str) -> None:
    """The same count, sum and quantiles: each series is compared with those of the same scrape."""
    native = f'{name}{{job="exotel", account="demo"}}'
    classic = {part: native.replace(name, f"{name}_{part}") for part in ("count", "sum", "bucket")}
    wait_until(
        lambda: servers.query(prometheus, f"sum(histogram_count({native})) > 0"), f"something in {name}"
    )
    for differences in (
        f"histogram_count({native}) != {classic['count']}",
        f"histogram_sum({native}) != {classic['sum']}",
        *(
            f"abs(histogram_quantile({quantile}, sum({native}))"
            f" - histogram_quantile({quantile}, sum by (le) ({classic['bucket']}))) > 1e-9"
            for quantile in QUANTILES
        ),
    ):
        assert servers.query(prometheus, differences) == []
    assert len(servers.query(prometheus, native)) == len(servers.query(prometheus, classic["count"]))


def test_classic_histograms_are_gone_unless_they_are_kept(prometheus: str) -> None:
    """The rules and dashboards need them; gauge histograms stay classic in any case."""

    def found(name: str) -> bool:
        return bool(servers.query(prometheus, f'{name}{{job="native alone", account="demo"}}'))

    [name, *_] = HISTOGRAMS
    wait_until(lambda: found(name), f"{name} of the job that keeps no classic histograms")
    assert not any(found(f"{name}_{part}") for part in ("bucket", "count", "sum"))
    assert all(found(f"{GAUGE_HISTOGRAM}_{part}") for part in ("bucket", "gcount", "gsum"))
    assert not found(GAUGE_HISTOGRAM)
