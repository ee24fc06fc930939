"""The metrics of one scrape, read as Prometheus reads them."""

from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

Key = tuple[str, frozenset[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Scraped:
    text: str
    samples: dict[Key, float]

    def __call__(self, metric: str, **labels: str) -> float | None:
        return self.samples.get((metric, frozenset(labels.items())))

    def named(self, prefix: str) -> set[str]:
        return {name for name, _ in self.samples if name.startswith(prefix)}


def parsed(text: str) -> Scraped:
    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    by_key = {(one.name, frozenset(one.labels.items())): one.value for one in samples}
    assert len(by_key) == len(samples), "a series occurs twice"
    return Scraped(text, by_key)
