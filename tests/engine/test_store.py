"""The store: products whole or absent, and the housekeeping."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sample_steps as steps

from hven.engine import Inline, Local, Run, Store
from hven.engine.locks import KeyLocks
from hven.engine.manifests import Made
from hven.engine.presence import Presence, oldest_live_run
from hven.errors import StoreError

MADE = Made("steps.ramp", 1, 100.0, 0.5, "length=3", ())
DAY = 86400.0


def key(number: int) -> str:
    return f"{number:064x}"


def keep(store: Store, number: int, value: Any = 1.0, *, age: float = 0.0) -> str:
    """Put a product into the store that was last used so many seconds ago."""
    store.keep(key(number), value, store.draft(), MADE)
    used = time.time() - age
    os.utime(store.product_path(key(number)), (used, used))
    return key(number)


def test_a_product_is_there_when_it_has_been_kept(store: Store) -> None:
    assert not store.has(key(1))
    keep(store, 1, {"a": np.arange(5000)})
    assert store.has(key(1))
    np.testing.assert_array_equal(store.load(key(1))["a"], np.arange(5000))
    assert store.manifest(key(1)).made == MADE


def test_a_product_that_is_not_there_is_an_error(store: Store) -> None:
    with pytest.raises(StoreError, match="missing"):
        store.load(key(1))


def test_the_first_of_two_equal_products_stays(store: Store) -> None:
    keep(store, 1, np.zeros(9000))
    before = (store.product_path(key(1)) / "0.npy").stat().st_ino
    keep(store, 1, np.zeros(9000))
    assert (store.product_path(key(1)) / "0.npy").stat().st_ino == before
    assert list((store.folder / "drafts").iterdir()) == []


@pytest.mark.parametrize("durable", [True, False])
def test_only_a_durable_store_has_outputs_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durable: bool
) -> None:
    synced: list[str] = []
    real = os.fsync

    def noted(file: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{file}").readlink()))
        real(file)

    monkeypatch.setattr("os.fsync", noted)
    store = Store(tmp_path / "store", durable=durable)
    with Run(Inline(), store, tmp_path / "out") as run:
        (run.folder / "result.txt").write_text("done")
        path = run.publish("result", run.folder / "result.txt")
    assert (str(path) in synced) is durable
    assert (str(path.parent) in synced) is durable


def test_a_durable_store_keeps_the_same(tmp_path: Path) -> None:
    store = Store(tmp_path, durable=True)
    keep(store, 1, np.arange(9000))
    np.testing.assert_array_equal(Store(tmp_path).load(key(1)), np.arange(9000))


@pytest.mark.parametrize("part", ["manifest", "0.npy"])
@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "zero", "remove"])
def test_every_damage_is_noticed(store: Store, part: str, damage: str) -> None:
    keep(store, 1, np.arange(9000))
    harm(store.product_path(key(1)) / part, damage)
    again = Store(store.folder)
    assert again.read(key(1)).fault
    assert again.discard_damaged(key(1))
    assert not again.has(key(1))
    keep(again, 1, np.arange(9000))
    np.testing.assert_array_equal(again.load(key(1)), np.arange(9000))


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "zero"])
def test_every_damage_of_a_small_product_is_noticed(store: Store, damage: str) -> None:
    keep(store, 1, [1.0, "two"])
    harm(store.product_path(key(1)), damage)
    again = Store(store.folder)
    assert "not what was written" in again.discard_damaged(key(1))
    keep(again, 1, [1.0, "two"])
    assert again.load(key(1)) == [1.0, "two"]


def test_a_small_product_is_one_file_whatever_the_step_left_in_its_draft(store: Store) -> None:
    draft = store.draft()
    (draft.folder() / "scratch.dat").write_bytes(b"scratch")
    store.keep(key(1), (1.0, "two"), draft, MADE)
    assert store.product_path(key(1)).is_file()
    assert store.load(key(1)) == (1.0, "two")


def test_what_a_step_wrote_for_itself_is_not_kept(store: Store) -> None:
    draft = store.draft()
    (draft.folder() / "sub").mkdir()
    (draft.folder() / "sub" / "scratch.dat").write_bytes(b"scratch")
    (draft.folder() / "sub" / "result.dat").write_bytes(b"result")
    store.keep(key(1), Path("sub/result.dat"), draft, MADE)
    kept = [path.name for path in store.product_path(key(1)).rglob("*") if path.is_file()]
    assert sorted(kept) == ["manifest", "result.dat"]


def test_a_product_that_changed_its_form_stays_as_it_was(store: Store) -> None:
    keep(store, 1, 1.0)
    keep(store, 1, np.zeros(9000))
    assert store.load(key(1)) == 1.0
    assert len(list(store.products())) == 1


def test_a_whole_product_is_not_discarded_as_damaged(store: Store) -> None:
    keep(store, 1)
    assert store.discard_damaged(key(1)) == ""
    assert store.has(key(1))


def test_a_process_notices_that_a_product_was_made_anew(store: Store) -> None:
    other = Store(store.folder)
    keep(store, 1, np.zeros(9000))
    assert other.load(key(1))[0] == 0
    store.discard(key(1))
    keep(store, 1, np.ones(9000))
    other._forget(key(1))
    assert other.load(key(1))[0] == 1


def test_a_store_that_cannot_be_written_to_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="must be a folder"):
        Store(tmp_path / "file")


def test_the_default_store_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HVEN_STORE", str(tmp_path / "own"))
    assert Store.default().folder == tmp_path / "own"
    monkeypatch.delenv("HVEN_STORE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert Store.default().folder == tmp_path / "cache" / "hven" / "store"


class TestLocks:
    def test_a_key_is_held_by_one_thread_at_a_time(self, tmp_path: Path) -> None:
        locks = KeyLocks(tmp_path / "locks")
        inside: list[str] = []

        def enter() -> None:
            with locks.hold(key(2**250)):
                inside.append("other")

        thread = threading.Thread(target=enter)
        with locks.hold(key(2**250)):
            thread.start()
            thread.join(0.1)
            inside.append("first")
        thread.join()
        assert inside == ["first", "other"]

    def test_another_key_is_free(self, tmp_path: Path) -> None:
        locks = KeyLocks(tmp_path / "locks")
        with locks.hold(key(2**250)):
            thread = threading.Thread(target=lambda: locks.hold(key(2**251)).__enter__())
            thread.start()
            thread.join(10.0)
            assert not thread.is_alive()


class TestHousekeeping:
    def test_usage_tells_number_and_bytes(self, store: Store) -> None:
        assert store.usage() == (0, 0, None)
        keep(store, 1, np.zeros(10_000), age=50.0)
        keep(store, 2)
        usage = store.usage()
        assert usage.products == 2
        products = (store.folder / "products").rglob("*")
        on_disk = sum(path.stat().st_size for path in products if path.is_file())
        assert usage.bytes == on_disk
        assert usage.oldest_use == pytest.approx(time.time() - 50.0, abs=5.0)

    def test_products_are_described(self, store: Store) -> None:
        keep(store, 1)
        (product,) = store.products()
        assert (product.key, product.step, product.made) == (key(1), "steps.ramp", 100.0)

    def test_a_damaged_product_is_listed_too(self, store: Store) -> None:
        keep(store, 1)
        harm(store.product_path(key(1)), "flip")
        (product,) = Store(store.folder).products()
        assert (product.key, product.step) == (key(1), "")

    def test_what_is_too_old_is_removed(self, store: Store) -> None:
        for number in range(4):
            keep(store, number, age=number * DAY)
        removed = store.remove(older_than=1.5 * DAY)
        assert {product.key for product in removed} == {key(2), key(3)}
        assert {product.key for product in store.products()} == {key(0), key(1)}

    def test_what_was_left_alone_longest_goes_first(self, store: Store) -> None:
        for number in range(4):
            keep(store, number, np.zeros(1000), age=number * DAY)
        size = store.usage().bytes // 4
        removed = store.remove(beyond_bytes=2 * size)
        assert [product.key for product in removed] == [key(3), key(2)]

    def test_what_is_spared_stays(self, store: Store) -> None:
        for number in range(3):
            keep(store, number, age=2 * DAY)
        asked: list[set[str]] = []

        def spared(keys: Collection[str]) -> set[str]:
            asked.append(set(keys))
            return {key(1)}

        removed = store.remove(older_than=DAY, spared=spared)
        assert {product.key for product in removed} == {key(0), key(2)}
        assert asked == [{key(0), key(1), key(2)}]

    def test_a_dry_run_removes_nothing(self, store: Store) -> None:
        keep(store, 1, age=DAY)
        assert len(store.remove(older_than=1.0, dry_run=True)) == 1
        assert store.has(key(1))

    def test_what_a_live_run_may_use_stays(self, store: Store) -> None:
        keep(store, 1, age=2 * DAY)
        with Run(Inline(), store) as run:
            product = run.call(steps.ramp, 10)
            keep(store, 2, age=2 * DAY)
            store.has(key(2))
            removed = store.remove(older_than=0.0, beyond_bytes=0)
            assert [gone.key for gone in removed] == [key(1)]
            assert store.has(product.key)
        assert len(store.remove(older_than=0.0)) == 2

    def test_a_dead_run_protects_nothing(self, store: Store) -> None:
        mark = store.folder / "runs" / "dead.run"
        mark.write_text("{}")
        keep(store, 1, age=60.0)
        assert len(store.remove(older_than=1.0)) == 1
        assert not mark.exists()

    def test_a_run_is_seen_until_it_ends(self, store: Store) -> None:
        presence = Presence(store.folder / "runs", "abc", "demo")
        begun = oldest_live_run(store.folder / "runs")
        assert begun == pytest.approx(time.time(), abs=5.0)
        presence.end()
        assert oldest_live_run(store.folder / "runs") is None

    def test_drafts_of_dead_processes_are_removed(self, store: Store) -> None:
        mine = store.draft().folder()
        host = mine.name.rsplit(".", 2)[0]
        dead = mine.with_name(f"{host}.4194999.0")
        dead.mkdir()
        elsewhere = mine.with_name("elsewhere.4194999.0")
        elsewhere.mkdir()
        store.remove()
        assert mine.exists()
        assert not dead.exists()
        assert elsewhere.exists()


class TestUrls:
    @pytest.fixture
    def url(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "one"))
        return f"file://{tmp_path}/bucket"

    def test_a_product_behind_a_url_reaches_another_machine(
        self, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with Run(Inline(), Store(url)) as run:
            key = run.call(steps.ramp, 100_000).key
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "two"))
        elsewhere = Store(url)
        assert elsewhere.has(key)
        np.testing.assert_array_equal(elsewhere.load(key), np.arange(100_000, dtype="f4"))
        with Run(Inline(), elsewhere) as run:
            run.call(steps.ramp, 100_000).load()
        assert run.reused["ramp"] == 1

    def test_workers_use_it_too(self, url: str) -> None:
        with Run(Local(2), Store(url)) as run:
            pieces = run.map(steps.cut, [30_000, 30_000], [0, 1])
            value = run.call(steps.total, pieces, {"all": 1}).load()
        assert value == sum(range(30_000)) + sum(range(1, 30_001))

    def test_a_product_without_a_manifest_there_is_absent(self, url: str, tmp_path: Path) -> None:
        with Run(Inline(), Store(url)) as run:
            key = run.call(steps.ramp, 100_000).key
        (tmp_path / "bucket" / "products" / key[:2] / key / "manifest").unlink()
        store = Store(url)
        store.discard(key)
        assert not store.has(key)

    def test_an_unknown_protocol_is_an_error(self) -> None:
        with pytest.raises(StoreError, match="fsspec"):
            Store("nowhere://bucket")


def harm(path: Path, damage: str) -> None:
    """Damage a file as disks and power failures do."""
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[len(content) * 3 // 4] ^= 4
    elif damage == "cut":
        del content[-10:]
    elif damage == "empty":
        content.clear()
    elif damage == "zero":
        content[:] = bytes(len(content))
    path.unlink()
    if damage != "remove":
        path.write_bytes(content)
