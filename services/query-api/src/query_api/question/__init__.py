"""What a caller may ask: what was given becomes a question, or an Invalid that says what is right. Pure.

- `given`: a query string or a JSON body, by name
- `period`: days and instants in a time zone
- `granularity`: how a period is cut into steps
- `dimensions`, `filters`: which events are meant
- `fields`: the readers of single fields that several endpoints have
- `selection`: the events of a website that a question is about
- one module for each endpoint, with the same name as in `queries`
"""
