from enricher.world import MemorySessionStore


def test_a_store_gives_what_was_put_last() -> None:
    store = MemorySessionStore()
    assert store.get(b"a") is None
    store.put(b"a", b"1")
    store.put(b"a", b"2")
    assert store.get(b"a") == b"2"
    assert store.get(b"b") is None


def test_stores_share_nothing() -> None:
    MemorySessionStore().put(b"a", b"1")
    assert MemorySessionStore().get(b"a") is None
