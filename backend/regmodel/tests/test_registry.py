import threading
from pathlib import Path

import pytest

from backend.regmodel.data.source import Origin
from backend.regmodel.model.estimators import ModelType
from backend.regmodel.registry.registry import KEEP_VERSIONS, Registry, RegistryError
from backend.regmodel.registry.storage import Storage
from backend.regmodel.registry.summary import (
    PromotionRefused,
    Span,
    Summary,
    UnknownModel,
    with_model,
)
from backend.regmodel.tests.conftest import NOON
from backend.regmodel.tests.factories import SPAN, add, make_model, promote


@pytest.fixture(params=["folder", "memory"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Registry:
    url = str(tmp_path) if request.param == "folder" else f"memory://{tmp_path}"
    return Registry(Storage.at(url))


def test_concurrent_registry_writers_lose_no_change(registry: Registry) -> None:
    start = threading.Barrier(8)

    def write(writer: int) -> None:
        start.wait()
        for number in range(5):
            add(registry, f"rf-{writer}-{number}")

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    summary = registry.current()
    assert {model.run_id for model in summary.models} == {f"rf-{w}-{n}" for w in range(8) for n in range(5)}
    assert summary.version == 40


def test_summary_json_is_the_newest_version(registry: Registry) -> None:
    for number in range(3):
        add(registry, f"rf-{number}")

    content = registry.storage.read("summary.json")

    assert content is not None
    assert Summary.model_validate_json(content) == registry.current()


def test_next_change_publishes_what_a_dead_writer_did_not(registry: Registry) -> None:
    before = add(registry, "rf-0")
    orphan = with_model(before, make_model("rf-orphan"), keep=10).model_copy(update={"version": 2})
    registry.storage.create("versions/00000002.json", orphan.model_dump_json().encode())

    add(registry, "rf-2")

    content = registry.storage.read("summary.json")
    assert content is not None
    assert [m.run_id for m in Summary.model_validate_json(content).models] == ["rf-0", "rf-orphan", "rf-2"]


def test_exclusive_create_has_one_winner(registry: Registry) -> None:
    assert registry.storage.create("versions/x.json", b"first")
    assert not registry.storage.create("versions/x.json", b"second")
    assert registry.storage.read("versions/x.json") == b"first"


def test_old_registry_versions_are_removed(registry: Registry) -> None:
    for number in range(KEEP_VERSIONS + 5):
        add(registry, f"rf-{number}", keep=3)

    assert len(registry.storage.names("versions")) == KEEP_VERSIONS
    assert [m.run_id for m in registry.current().models] == [f"rf-{KEEP_VERSIONS + n}" for n in (2, 3, 4)]


def test_removing_an_absent_file_is_no_error(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(registry.storage.files), "exists", lambda *_, **__: True)

    registry.storage.remove("versions/00000001.json")
    registry.storage.remove("models/rf-1")


@pytest.mark.parametrize("broken", ["replace", "remove"])
def test_stored_change_succeeds_when_cleanup_fails(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("503 from the object store")

    add(registry, "rf-1", keep=1)
    with monkeypatch.context() as patched:
        patched.setattr(Storage, broken, fails)
        changed = add(registry, "rf-2", keep=1)
    add(registry, "rf-3", keep=1)

    content = registry.storage.read("summary.json")
    assert changed.version == 2
    assert content is not None
    assert Summary.model_validate_json(content) == registry.current()


def test_champion_is_never_pruned(registry: Registry) -> None:
    add(registry, "rf-first")
    promote(registry, "rf-first")

    for number in range(5):
        add(registry, f"rf-{number}", keep=2)

    assert [m.run_id for m in registry.current().models] == ["rf-first", "rf-4"]


def test_first_champions_holdout_becomes_the_baseline_set(registry: Registry) -> None:
    first = add(registry, "rf-1").models[0]
    add(registry, "rf-2", holdout=Span(start=NOON, end=NOON))

    promote(registry, "rf-1")
    promote(registry, "rf-2")

    assert registry.current().baseline == first.holdout


def test_recorded_counts_replace_a_generated_baseline_set(registry: Registry) -> None:
    add(registry, "rf-1")
    promote(registry, "rf-1")
    recorded = add(registry, "rf-2", data=Origin.OBSERVATIONS, holdout=Span(start=NOON, end=NOON)).models[1]
    add(registry, "rf-3", data=Origin.FILES, holdout=Span(start=SPAN.start, end=NOON))

    promote(registry, "rf-2")
    promote(registry, "rf-3")

    assert registry.current().baseline == recorded.holdout


def test_promoting_a_test_mode_model_is_refused(registry: Registry) -> None:
    add(registry, "rf-small", test_mode=True)

    with pytest.raises(PromotionRefused, match="test_mode"):
        promote(registry, "rf-small")

    assert registry.current().champions == {}


def test_promotion_against_a_stale_champion_is_refused(registry: Registry) -> None:
    for run_id in ("rf-1", "rf-2", "rf-3"):
        add(registry, run_id)
    promote(registry, "rf-1")
    promote(registry, "rf-2", expected="rf-1")

    with pytest.raises(PromotionRefused, match="the champion is rf-2, not rf-1"):
        promote(registry, "rf-3", expected="rf-1")


def test_promotion_expecting_no_champion_is_refused_when_one_exists(registry: Registry) -> None:
    for run_id in ("rf-1", "rf-2"):
        add(registry, run_id)
    promote(registry, "rf-1", expected=None)

    with pytest.raises(PromotionRefused, match="the champion is rf-1, not none"):
        promote(registry, "rf-2", expected=None)


def test_repeated_promotion_with_a_stale_guard_changes_nothing(registry: Registry) -> None:
    for run_id in ("rf-1", "rf-2"):
        add(registry, run_id)
    promote(registry, "rf-1", expected=None)
    done = promote(registry, "rf-2", expected="rf-1")

    assert promote(registry, "rf-2", expected="rf-1") == done


def test_promotion_of_unknown_model_or_wrong_type_is_refused(registry: Registry) -> None:
    add(registry, "hgb-1", model_type=ModelType.HGB)

    with pytest.raises(UnknownModel):
        promote(registry, "rf-unknown")
    with pytest.raises(PromotionRefused, match="of type hgb"):
        promote(registry, "hgb-1")


def test_promoting_the_champion_again_changes_nothing(registry: Registry) -> None:
    add(registry, "rf-1")

    assert promote(registry, "rf-1") == promote(registry, "rf-1")


def test_invalid_summary_raises_registry_error(registry: Registry) -> None:
    registry.storage.create("versions/00000001.json", b'{"version": ')

    with pytest.raises(RegistryError, match="version 1"):
        registry.current()


def test_summary_without_left_out_is_readable(registry: Registry) -> None:
    summary = add(registry, "rf-1")
    registry.storage.create(
        "versions/00000002.json", summary.model_dump_json(exclude={"models": {0: {"left_out"}}}).encode()
    )

    assert registry.current().models == summary.models


def test_loading_a_model_without_file_raises_registry_error(registry: Registry) -> None:
    with pytest.raises(RegistryError, match="rf-1 is gone"):
        registry.load("rf-1")
