"""One file per endpoint: `statement(question)` builds its SQL, `answer(rows)` its JSON. Pure."""
