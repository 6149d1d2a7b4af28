"""One file per endpoint: `statement(question)` builds its SQL, `answer(rows)` its `data` and what `meta` adds. Pure."""
