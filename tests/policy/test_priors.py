"""The engine's numbers: where they come from, that they are whole, and that they mean what they say."""

import json
import subprocess
import sys
from random import Random
from statistics import fmean

import pytest

from aurora.domain import CHANGING, Action, Cause
from aurora.policy import POLICY_VERSION
from aurora.policy.choice import choose
from aurora.policy.moves import Move, Side
from aurora.policy.priors import RetrainCase, priors
from aurora.policy.signs import DEGREES
from aurora.policy.steps import blocked_by_names
from aurora.policy.values import assess
from aurora.policy.view import view
from evals.episodes import mixed
from evals.fit_priors import FILE, SEED, digest, main

SHIPPED = json.loads(FILE.read_text(encoding="utf-8"))


def test_the_file_says_which_seed_and_content_it_has() -> None:
    assert SHIPPED["seed"] == SEED
    assert SHIPPED["sha256"] == digest(SHIPPED)


def test_every_judged_number_has_its_reason() -> None:
    assert all(len(entry["why"]) > 40 and "value" in entry for entry in SHIPPED["judgement"].values())


def test_the_numbers_are_whole() -> None:
    numbers = priors()
    assert set(numbers.states[Side.QUALITY]) | set(numbers.states[Side.SERVICE]) == set(Cause)
    for side in Side:
        assert sum(numbers.base[side]) == pytest.approx(1, abs=0.01)
        assert set(numbers.signs[side]) <= set(DEGREES)
        assert sum(numbers.face_base[side]) == pytest.approx(sum(numbers.base[side]))
        assert {face.cause for face in numbers.faces[side]} == set(numbers.states[side])
        assert all(len(row) == len(numbers.faces[side]) for row in numbers.signs[side].values())
        assert all(0 < chance < 1 for row in numbers.signs[side].values() for chance in row)
        assert 0.5 <= numbers.sharpness[side] <= 1
    assert set(numbers.cure) == set(Move)
    assert all(0 <= chance < 1 for row in numbers.cure.values() for chance in row)


def test_low_accuracy_tells_that_something_is_wrong_and_not_what() -> None:
    numbers = priors()
    row = dict(zip(numbers.states[Side.QUALITY], numbers.signs[Side.QUALITY]["accuracy_low"], strict=True))
    assert row[Cause.CONCEPT_DRIFT] == row[Cause.BAD_DEPLOYMENT] == row[Cause.UNKNOWN] == max(row.values())


def test_the_chance_given_to_the_true_cause_is_calibrated_on_worlds_that_were_not_fitted_on() -> None:
    told: list[tuple[float, bool]] = []
    for episode in mixed(Random(4242), 700):
        seen = view(episode.situation)
        found = choose(assess(seen, blocked_by_names(episode.situation), {}, CHANGING)).assessment.prospect.diagnosis
        for side, truth in ((Side.QUALITY, episode.quality), (Side.SERVICE, episode.service)):
            pairs = zip(seen.priors.states[side], found.side(side), strict=True)
            told += [(chance, cause is truth) for cause, chance in pairs]
    bins = [[(c, t) for c, t in told if low <= c < low + 0.2] for low in (0.0, 0.2, 0.4, 0.6, 0.8)]
    gaps = [abs(fmean(c for c, _ in one) - fmean(t for _, t in one)) * len(one) for one in bins if one]
    assert sum(gaps) / len(told) < 0.02


def test_healthy_services_are_left_alone_in_nearly_all_worlds() -> None:
    acted = []
    for episode in mixed(Random(99), 900):
        if (episode.quality, episode.service) == (Cause.HEALTHY, Cause.HEALTHY):
            seen = view(episode.situation)
            choice = choose(assess(seen, blocked_by_names(episode.situation), {}, CHANGING))
            acted.append(choice.move.action in CHANGING and choice.effect.chance >= 0.7)
    assert len(acted) > 400
    assert fmean(acted) <= 0.02


@pytest.mark.slow
def test_the_script_makes_the_very_same_diagnosis_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnosis", "--check"]) == 0
    assert "as this script makes it" in capsys.readouterr().out


def test_the_script_knows_its_parts(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["weather", "--check"])
    assert "no such part: weather" in capsys.readouterr().err


def test_nothing_heavy_is_imported_to_decide() -> None:
    code = (
        "import sys; from aurora.policy import RetrainAdvisor; import aurora.policy.engine, aurora.policy.critic,"
        "aurora.policy.guardrails; RetrainAdvisor(1.0);"
        "print([name for name in ('scipy', 'numpy', 'sklearn', 'torch', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_policy_has_a_version_that_goes_into_every_plan() -> None:
    assert POLICY_VERSION
    assert Action.RETRAIN in CHANGING


@pytest.mark.parametrize("values", [(2.0, 0.5, 3.0), (0.1, 1.5, 3.0), (0.1, 0.5, -1.0), (float("nan"), 0.5, 1.0)])
def test_a_case_of_a_retrain_that_cannot_be_is_refused(values: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="rise"):
        RetrainCase(*values)
