from devstack.answers import names_table, properties_table, series_chart


def test_names_and_counts_stand_in_columns() -> None:
    listed = [{"event_name": "purchase", "count": 12}, {"event_name": "a", "count": 3}]
    assert names_table(listed) == "  purchase     12\n  a             3"


def test_properties_show_the_most_frequent_values() -> None:
    values = [{"value": name, "count": count} for name, count in zip("abcdef", range(9, 3, -1), strict=True)]
    listed = [{"property_key": "plan", "values": values}, {"property_key": "x", "values": values[:1]}]
    assert properties_table(listed) == "  plan  a (9), b (8), c (7), d (6), and 2 more\n  x     a (9)"


def test_points_without_events_are_left_out_of_the_chart() -> None:
    series = [{"date": "2026-02-01", "count": 0}, {"date": "2026-02-02", "count": 80}]
    series.append({"date": "2026-02-03", "count": 1})
    chart = series_chart({"series": series, "granularity": "day"})
    assert chart == f"  2026-02-02  {'#' * 40} 80\n  2026-02-03  # 1"


def test_empty_answers_are_empty_text() -> None:
    assert names_table([]) == properties_table([]) == series_chart({"series": []}) == ""
