from benchmarks.profiling import summary


def test_a_summary_counts_what_ran_and_what_was_on_the_stack() -> None:
    stacks = "main (a.py:1);work (a.py:5);parse (b.py:9) 3\nmain (a.py:1);work (a.py:6) 1"
    head, first, second = summary(stacks).splitlines()
    assert head.split() == ["self", "in", "it", "function"]
    assert first.split() == ["75.0%", "75.0%", "parse", "(b.py"]
    assert second.split() == ["25.0%", "100.0%", "work", "(a.py"]


def test_a_process_that_did_nothing_has_no_profile() -> None:
    assert summary("") == ""
