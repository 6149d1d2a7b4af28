from pathlib import Path

from eventrail.contract import topics


def test_the_changelog_is_named_as_faust_names_it() -> None:
    assert topics.SESSIONS_CHANGELOG.name == "eventrail-enricher-sessions-changelog"


def test_every_topic_is_in_the_list() -> None:
    declared = [value for value in vars(topics).values() if isinstance(value, topics.Topic)]
    assert declared == list(topics.ALL)


def test_no_topic_name_is_written_anywhere_else() -> None:
    root = Path(__file__).parents[3]
    sources = [*root.glob("libs/*/src/**/*.py"), *root.glob("services/*/src/**/*.py")]
    assert sources
    strays = [
        path.name
        for path in sources
        for topic in topics.ALL
        if path.name != "topics.py" and f'"{topic.name}"' in path.read_text()
    ]
    assert strays == []
