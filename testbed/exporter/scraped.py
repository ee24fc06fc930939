"""The metrics of a scrape, parsed by Prometheus's own parser."""

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
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    by_key = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}
    assert len(by_key) == len(samples), "a series occurs twice"
    return Scraped(text, by_key)
