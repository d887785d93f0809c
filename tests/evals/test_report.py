"""What is made of a suite's findings: misses are told, intervals are shown, nothing is mark-up, nothing is fetched."""

import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from evals.suites import accepted, markdown, terminal
from evals.suites.accepted import Standing, standings, tolerance
from evals.suites.cells import summary
from evals.suites.figures import Figure
from evals.suites.html import page
from evals.suites.plots import svg
from evals.suites.report import Finished, as_json, result_from
from evals.suites.result import ENGINE, Column, Plot, Result, Row, Table
from tests.evals.results import BETTER, GROUPED, MET, MISSED, PLOTS, POINTS, REACHED, RESULT, TIMED, UNSURE, report


def shown(result: Result = RESULT, width: int = 120, **others: object) -> str:
    """Return what a terminal of this width is shown."""
    console = Console(width=width, highlight=False, no_color=True)
    with console.capture() as told:
        terminal.show(report(result, **others), console)
    return told.get()


# --- the terminal ----------------------------------------------------------------------------------------------------


def test_a_target_is_told_with_its_interval_its_bounds_and_its_verdict() -> None:
    told = "\n".join(" ".join(line.split()) for line in shown().splitlines())
    assert "cost over oracle 1.120 [1.080,1.160] ≤ 1.15 ≤ 1.1 met new" in told
    assert "gap closed 62% [50%,70%] ≥ 45 % ≥ 60 % aim new" in told
    assert "the same, <left> out 1.250 [1.200,1.300] ≤ 1.18 ≤ 1.12 MISSED new" in told
    assert "retrains 2.0 – – watched new" in told


def test_a_miss_is_told_once_more_at_the_end_and_does_not_fail() -> None:
    said = summary(report())
    assert said == [
        "Targets: 2 at the aim, 1 met, 1 missed, 1 only watched.",
        "Missed: the same, <left> out: 1.250 [1.200,1.300], must be ≤ 1.18.",
        "Passed (full run, 3 s).",
    ]
    assert shown().splitlines()[-3:] == said


def test_what_fails_is_told_by_name() -> None:
    broken = {"scale": "ValueError: no such trace"}
    said = summary(report(replace(RESULT, comparisons=(UNSURE,)), quick=True, broken=broken, absent=("loop", "memory")))
    assert said[2:] == [
        "Not here: loop, memory.",
        "Failed: AURORA is not surely better than the rule table (streams.table 0.200 [-0.100, 0.500]).",
        "Failed: scale broke off: ValueError: no such trace",
        "Failed (quick run, a part of the worlds, 3 s).",
    ]


def test_intervals_stand_beside_their_values_where_there_is_room_and_below_where_there_is_not() -> None:
    wide, narrow = shown(width=160).splitlines(), shown(width=60).splitlines()
    assert any("1.12 [1.08,1.16]" in line for line in wide)
    row = next(number for number, line in enumerate(narrow) if line.startswith(ENGINE))
    assert narrow[row].split() == [ENGINE, "1.12", "2.0", "1.0%"]
    assert narrow[row + 1].split() == ["[1.08,1.16]", "[1.5,2.5]", "[0.0%,2.0%]"]


def test_a_table_with_too_many_columns_comes_in_parts_and_no_value_is_cut() -> None:
    names = [f"measure{number}" for number in range(20)]
    row = Row(ENGINE, tuple(Figure(number + 0.25, number + 0.0, number + 0.5) for number in range(20)))
    table = Table("Many", "", tuple(map(Column, names)), (row,))
    told = shown(replace(RESULT, tables=(table,)), width=80)
    assert max(map(len, told.splitlines())) <= 80
    assert sum(line.startswith(ENGINE) for line in told.splitlines()) > 1
    for number, name in enumerate(names):
        assert name in told
        assert f"[{number}.00,{number}.50]" in told


def test_what_is_no_number_is_a_dash_and_mark_up_is_text() -> None:
    line = next(line for line in shown(width=160).splitlines() if line.startswith("<b>other</b>"))
    assert line.split()[1] == "–"
    bracketed = replace(RESULT, notes=("[bold]not bold[/bold]",))
    assert "[bold]not bold[/bold]" in shown(bracketed)


def test_the_rule_table_and_the_best_existing_stand_beside_a_target_where_they_are_known() -> None:
    beside = replace(MET, rule_table=Figure(1.33), best_existing=Figure(1.27))
    told = shown(replace(RESULT, targets=(beside,)), width=160)
    assert "best existing" in told
    assert "1.330" in told
    assert "best existing" not in shown()


# --- Markdown --------------------------------------------------------------------------------------------------------


def test_markdown_has_every_table_and_the_misses_and_escapes_what_would_break_it() -> None:
    told = markdown.document(report(), {"streams": "evals-streams.svg"})
    assert "| <b>" not in told
    assert "| &lt;b>other&lt;/b> | – | 3.0 [2.5,3.5] | 20.0% [10.0%,30.0%] |" in told
    assert "| **AURORA** | **1.12 [1.08,1.16]** | **2.0 [1.5,2.5]** | **1.0% [0.0%,2.0%]** |" in told
    assert "Cost \\| over that of the oracle." in told
    assert "- Missed: the same, &lt;left> out: 1.250 [1.200,1.300], must be ≤ 1.18." in told
    assert "![Cost over oracle](evals-streams.svg)" in told


# --- JSON ------------------------------------------------------------------------------------------------------------


def test_a_result_comes_back_from_json_as_it_was() -> None:
    text = json.dumps(as_json(report()), allow_nan=False)
    found = result_from(json.loads(text)["suites"][0])
    assert math.isnan(found.tables[0].rows[2].figures[0].value)  # type: ignore[union-attr]
    assert repr(found) == repr(replace(RESULT, plots=found.plots))
    assert [svg(plot, "white") for plot in found.plots] == [svg(plot, "white") for plot in PLOTS]


def test_the_json_says_what_was_met_missed_accepted_and_whether_it_passed() -> None:
    one = Finished(RESULT, 3.2, standings(RESULT.targets, {MET.key: Figure(1.0)}))
    told = json.loads(json.dumps(as_json(replace(report(), finished=(one,)))))
    (suite,) = told["suites"]
    assert [target["verdict"] for target in suite["targets"]] == ["met", "aim", "missed", "", "aim"]
    assert [target["accepted"]["word"] for target in suite["targets"]] == ["worse", "new", "new", "new", "timed"]
    assert (told["passed"], told["missed"]) == (False, ["streams.left"])
    assert told["failures"] == ["streams.ratio is 1.120: worse than the accepted 1.000 by more than 0.020."]
    assert suite["comparisons"][0]["better"] is True


# --- HTML and plots --------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Notes what a browser would fetch or run, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag and where it leads."""
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "xlink:href", "data", "action")]
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += f"{data}\n"


@pytest.fixture(scope="module")
def text() -> str:
    return page(report())


@pytest.fixture(scope="module")
def found(text: str) -> Page:
    parsed = Page()
    parsed.feed(text)
    return parsed


def test_the_page_asks_no_other_machine_for_anything(found: Page, text: str) -> None:
    assert set(found.tags) & {"script", "link", "img", "iframe", "object", "form"} == set()
    assert found.links
    assert all(link.startswith("#") for link in found.links)
    assert "//" not in re.sub(r"<svg.*?</svg>", "", text, flags=re.DOTALL)
    assert "http" not in text.replace("http-equiv", "")
    assert "@import" not in text
    assert all(link.startswith("#") for link in re.findall(r"url\((.*?)\)", text))


def test_the_page_leads_only_to_what_is_on_it_and_no_id_is_there_twice(found: Page, text: str) -> None:
    used = [link for link in found.links if link != "#"] + re.findall(r"url\((#.*?)\)", text)
    assert {link.removeprefix("#") for link in used} <= set(found.ids)
    assert len(found.ids) == len(set(found.ids))


def test_the_page_shows_misses_intervals_notes_and_every_plot_and_takes_nothing_for_mark_up(found: Page) -> None:
    assert found.tags.count("svg") == len(PLOTS)
    assert "b" not in found.tags
    for words in ("<b>other</b>", "MISSED", "[1.08,1.16]", "Read <this> & that.", "What $probability$ means", "a & b"):
        assert words in found.text, words


def test_the_page_follows_the_readers_light_and_dark(text: str) -> None:
    assert "prefers-color-scheme:dark" in text
    plots = "".join(re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL))
    assert "currentColor" in plots
    # White would be a sheet of paper in the dark.
    assert "#ffffff" not in plots


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.name)
def test_a_plot_is_the_same_on_every_run_and_holds_no_date(plot: Plot) -> None:
    drawn = svg(plot, "white")
    assert drawn == svg(plot, "white")
    assert "<dc:date>" not in drawn
    words = "".join(ElementTree.fromstring(drawn).itertext())
    assert all(word in words for word in (plot.title, plot.x, plot.y))


def test_bars_of_several_series_stand_beside_each_other_under_every_name() -> None:
    words = [text.text for text in ElementTree.fromstring(svg(GROUPED, "white")).iter() if text.tag.endswith("}text")]
    assert words.count("0.1") == 1
    assert {"3", "a & b", "c"} <= set(words)


def test_an_interval_may_reach_to_nothing_and_is_the_value_where_there_is_none() -> None:
    assert Figure(1.5, 0.0, 2.0).ends == (0.0, 2.0)
    assert Figure(1.5).ends == (1.5, 1.5)


def test_a_plot_without_intervals_is_drawn_too() -> None:
    assert svg(replace(POINTS, errors={}), "white") != svg(POINTS, "white")


# --- accepted figures ------------------------------------------------------------------------------------------------


def test_a_quarter_of_the_accepted_width_is_allowed_and_two_percent_where_there_is_none() -> None:
    assert tolerance(Figure(1.12, 1.0, 1.2)) == pytest.approx(0.05, abs=1e-5)
    assert tolerance(Figure(1.5)) == pytest.approx(0.03, abs=1e-5)
    assert tolerance(Figure(0.0, 0.0, 0.0)) == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize(
    ("was", "word"),
    [
        (Figure(1.12, 1.0, 1.2), "same"),
        (Figure(1.08, 1.0, 1.2), "same"),
        (Figure(1.06, 1.0, 1.2), "worse"),
        (Figure(1.18, 1.1, 1.3), "better"),
        (Figure(1.0), "worse"),
    ],
)
def test_a_figure_may_be_as_much_worse_as_is_allowed(was: Figure, word: str) -> None:
    (standing,) = standings((MET,), {MET.key: was})
    assert (standing.word, standing.fails) == (word, word == "worse")


def test_where_more_is_better_less_is_worse() -> None:
    assert standings((REACHED,), {REACHED.key: Figure(0.7)})[0].word == "worse"
    assert standings((REACHED,), {REACHED.key: Figure(0.5)})[0].word == "better"


def test_what_is_no_number_any_more_is_worse_and_what_is_not_measured_any_more_is_gone() -> None:
    unknown = replace(MET, figure=Figure(math.nan))
    assert standings((unknown,), {MET.key: Figure(1.1)})[0].word == "worse"
    (standing,) = standings((), {MET.key: Figure(1.1)})
    assert (standing, standing.fails) == (Standing(MET.key, Figure(1.1), "gone"), True)


def test_times_are_not_compared() -> None:
    (standing,) = standings((TIMED,), {TIMED.key: Figure(0.01)})
    assert (standing.word, standing.fails) == ("timed", False)


def test_figures_are_accepted_by_size_and_suite_and_the_others_stay(tmp_path: Path) -> None:
    file = tmp_path / "accepted.json"
    assert accepted.read("full", file) == {}
    accepted.write("full", [replace(RESULT, targets=(MET, TIMED))], file)
    accepted.write("quick", [replace(RESULT, targets=(MISSED,))], file)
    accepted.write("full", [Result("scale", (), (replace(MET, key="scale.cost", figure=Figure(1.2)),))], file)
    assert accepted.read("full", file) == {
        "streams": {MET.key: Figure(1.12, 1.08, 1.16)},
        "scale": {"scale.cost": Figure(1.2)},
    }
    assert accepted.read("quick", file) == {"streams": {MISSED.key: Figure(1.25, 1.2, 1.3)}}


def test_a_run_that_accepts_does_not_fail_for_what_was_accepted_before_but_for_the_rule_table() -> None:
    worse = Finished(RESULT, 1.0, standings(RESULT.targets, {MET.key: Figure(1.0)}))
    assert not replace(report(), finished=(worse,)).passed
    assert replace(report(), finished=(worse,), accepts=True).passed
    unsure = replace(worse, result=replace(RESULT, comparisons=(BETTER, UNSURE)))
    assert not replace(report(), finished=(unsure,), accepts=True).passed
