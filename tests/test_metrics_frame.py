"""AuditFrame and what compares two of them, on labels with unknowns."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from scipy import stats

from trimtab.concepts import Target
from trimtab.errors import UsageError
from trimtab.metrics import (
    AuditFrame,
    Figures,
    agreement,
    noise_floor,
    spillover,
    statistical_parity_difference,
)
from trimtab.recognition import Labels
from trimtab.statistics import newcombe, wilson

GENDER = ("woman", "man")
RACE = ("White", "Black", "Indian", "East Asian", "Southeast Asian", "Middle Eastern", "Latino")


def gender(women: int, men: int, unknown: int = 0, *, seeds=None, turn: int = 0) -> Labels:
    names = ["woman"] * women + ["man"] * men + ["unknown"] * unknown
    names = names[turn:] + names[:turn]
    return Labels.from_names("gender", GENDER, names, seeds=seeds, title="perceived gender")


def race(*counts: int, turn: int = 0) -> Labels:
    names = [name for name, count in zip(RACE, counts, strict=True) for _ in range(count)]
    return Labels.from_names("race", RACE, names[turn:] + names[:turn])


def test_shares_are_of_all_pictures_and_figures_of_the_known():
    frame = AuditFrame(gender(8, 72, 20))
    assert (frame.n, frame.n_known, frame.unknown_share) == (100, 80, 0.2)
    assert frame.by_group["woman"] == wilson(8, 100)
    assert sum(s.value for s in frame.by_group.values()) + frame.unknown_share == pytest.approx(1)
    ratio = frame.deviation_ratio
    assert ratio.value == pytest.approx(0.8) and ratio.n == 80
    assert ratio.noise_floor == noise_floor("deviation_ratio", 80, (0.5, 0.5))
    assert frame.fairness_discrepancy.value == pytest.approx(0.4 * 2**0.5)
    assert frame.kl.value == pytest.approx(stats.entropy([0.1, 0.9], [0.5, 0.5]))
    assert frame.entropy.value == pytest.approx(stats.entropy([0.1, 0.9], base=2))


def test_spd_has_a_sign_and_is_the_deviation_ratio_of_two_groups():
    frame = AuditFrame(gender(10, 90))
    assert frame.spd.value == pytest.approx(-0.8)
    assert frame.spd.high == pytest.approx(-frame.deviation_ratio.low)
    turned = frame.share_difference("man", "woman")
    assert (turned.value, turned.low) == pytest.approx((0.8, -frame.spd.high))
    assert frame.share_difference("man", "man").value == 0


def test_spd_of_many_groups_must_be_told_which():
    frame = AuditFrame(race(40, 30, 6, 6, 6, 6, 6))
    with pytest.raises(UsageError, match="share_difference"):
        _ = frame.spd
    assert frame.share_difference("White", "Black").value == pytest.approx(0.1)
    with pytest.raises(UsageError, match="'Martian'"):
        frame.share_difference("White", "Martian")
    assert "spd" not in frame.figures.by_name and "spd" not in frame.to_dict()


def test_discrepancy_uses_the_soft_labels():
    soft = Labels("gender", GENDER, [[0.7, 0.3], [0.2, 0.8], [0.55, 0.45]])
    frame = AuditFrame(soft)
    assert frame.n_known == 2  # the third is unknown
    assert frame.fairness_discrepancy.value == pytest.approx(0.05 * 2**0.5)
    assert frame.deviation_ratio.value == 0


def test_target():
    wanted = Target({"man": 0.7, "woman": 0.3}, "survey of 2024")
    frame = AuditFrame(gender(30, 70), target=wanted)
    assert list(frame.target.shares.items()) == [("woman", 0.3), ("man", 0.7)]
    assert frame.deviation_ratio.value == pytest.approx(0) and frame.deviation_ratio.low == 0
    assert str(frame).endswith("target: woman 0.3, man 0.7 (survey of 2024)")
    assert "survey of 2024" in frame._repr_html_()
    assert AuditFrame(gender(30, 70), target={"woman": 0.3, "man": 0.7}).kl.value < 1e-9
    assert "equal shares, the default" in str(AuditFrame(gender(1, 1)))
    with pytest.raises(UsageError, match="'person'"):
        AuditFrame(gender(1, 1), target={"woman": 0.5, "person": 0.5})
    with pytest.raises(UsageError, match=r"adds up to 0\.9"):
        AuditFrame(gender(1, 1), target={"woman": 0.5, "man": 0.4})


def test_nothing_to_audit():
    with pytest.raises(UsageError, match="no labels"):
        AuditFrame(gender(0, 0))
    with pytest.raises(UsageError, match="confidence=2"):
        AuditFrame(gender(1, 1), confidence=2)


def test_all_unknown_is_said_not_hidden():
    frame = AuditFrame(gender(0, 0, 12))
    assert frame.unknown_share == 1 and frame.deviation_ratio.n == 0
    exported = json.loads(json.dumps(frame.to_dict(), allow_nan=False))
    assert exported["deviation_ratio"]["value"] is None
    assert "over the 0 known" in str(frame) and "nan" not in str(frame)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 30))
def test_export_holds_the_same_figures(women, men, unknown):
    if women + men == 0:
        return
    frame = AuditFrame(gender(women, men, unknown))
    exported = json.loads(json.dumps(frame.to_dict(), allow_nan=False))
    assert exported["n"] == women + men + unknown and exported["n_known"] == women + men
    assert exported["by_group"]["woman"]["value"] == frame.by_group["woman"].value
    assert exported["deviation_ratio"]["low"] == frame.deviation_ratio.low
    assert 0 <= exported["deviation_ratio"]["value"] <= 1


@pytest.mark.parametrize("labels", [gender(3, 5, 2), gender(0, 0, 2), race(1, 2, 3, 4, 5, 6, 0)])
def test_figures_saved_and_loaded_are_the_same(labels):
    figures = AuditFrame(labels, metrics={"largest": lambda p, t: float(p.max())}).figures
    codec = TypeAdapter(Figures)
    text = codec.dump_json(figures)
    again = codec.validate_json(text)
    assert str(again) == str(figures) and codec.dump_json(again) == text
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_table_reads_well():
    lines = str(AuditFrame(gender(10, 88, 2), target={"woman": 0.4, "man": 0.6})).splitlines()
    assert lines[0] == "perceived gender, 100 pictures"
    table = {line.split("  ")[1].strip(): line for line in lines[2:] if line.strip()}
    assert "0.10  0.06 to 0.17     0.40     10" in table["woman"]
    assert "0.02  0.01 to 0.07        -      2" in table["unknown"]
    assert table["woman"].endswith("##......|............")
    assert table["deviation ratio"].split()[2:] == ["0.497", "0.370", "to", "0.573", "0.066"]
    assert "-0.796" in table["SPD, woman - man"]
    bars = [line.index("|") for line in lines if "|" in line]
    assert len(bars) == 2 and all(line == line.rstrip() for line in lines)
    assert str(AuditFrame(gender(10, 88, 2))).isascii()


def test_repr_is_one_line():
    assert repr(AuditFrame(gender(1, 3))) == "AuditFrame(gender, n=4: woman=0.25, man=0.75)"


def test_pandas_is_optional():
    frame = AuditFrame(gender(1, 3))
    if importlib.util.find_spec("pandas"):
        table = frame.to_pandas().set_index("name")
        assert table.loc["woman", "value"] == 0.25 and "deviation_ratio" in table.index
    else:
        with pytest.raises(UsageError, match="pip install pandas"):
            frame.to_pandas()


def test_audit_loads_no_torch():
    code = (
        "import sys, trimtab.metrics, trimtab.concepts\n"
        "from trimtab.recognition import Labels\n"
        "trimtab.metrics.AuditFrame(Labels.from_names('g', 'ab', 'aab')).to_dict()\n"
        "print(*{'torch', 'transformers', 'sklearn', 'pyarrow', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


# -- several attributes, several prompts ----------------------------------------------------------


def skin(*names: str, prompts=None) -> Labels:
    found = Labels.from_names("skin_tone", ("lighter", "darker"), names, title="skin tone")
    return found if prompts is None else replace(found, prompts=np.array(prompts))


def both() -> AuditFrame:
    """Eight pictures of two prompts; one is unknown by gender, one by skin tone."""
    prompts = ["a doctor"] * 5 + ["a nurse"] * 3
    one = replace(gender(3, 4, 1), prompts=np.array(prompts))
    names = ["darker", "lighter", "unknown", "darker", "lighter", "lighter", "lighter", "darker"]
    return AuditFrame([one, skin(*names, prompts=prompts)])


def test_several_attributes_and_their_intersection():
    frame = both()
    assert frame.attributes == ("gender", "skin_tone")
    assert frame.by_attribute["skin_tone"].n_known == 7
    crossed = frame.intersection("gender", "skin_tone")
    assert crossed is frame.figures_of("gender × skin_tone")
    assert crossed is frame.overall["gender × skin_tone"]
    counts = {group: share.count for group, share in crossed.shares.items()}
    assert counts == {
        "woman × lighter": 1,
        "woman × darker": 1,
        "man × lighter": 3,
        "man × darker": 1,
    }
    assert crossed.unknown.count == 2 and crossed.n_known == 6  # unknown by either
    assert crossed.deviation_ratio.value == pytest.approx((3 / 6 - 1 / 4) / (3 / 4))
    assert crossed.deviation_ratio.noise_floor == noise_floor("deviation_ratio", 6, (0.25,) * 4)
    assert crossed.title == "perceived gender × skin tone" and crossed.spd is None
    for name in ("figures", "by_group", "deviation_ratio"):
        with pytest.raises(UsageError, match="2 attributes"):
            getattr(frame, name)
    with pytest.raises(UsageError, match="'age'"):
        frame.intersection("gender", "age")
    with pytest.raises(UsageError, match="with itself"):
        frame.intersection("gender", "gender")


def test_target_of_an_intersection_is_the_product_unless_given():
    labels = list(both().by_attribute)
    assert labels == ["gender", "skin_tone"]
    parts = [both().labels_of(name) for name in labels]
    third = Target({"woman": 0.3, "man": 0.7}, "a survey")
    frame = AuditFrame(parts, target={"gender": third})
    crossed = frame.intersection("gender", "skin_tone").target
    assert crossed["woman × darker"] == pytest.approx(0.15)
    assert crossed.source == "woman, man: a survey; lighter, darker: equal shares, the default"
    own = {"woman × lighter": 0.4, "woman × darker": 0.1, "man × lighter": 0.4, "man × darker": 0.1}
    frame = AuditFrame(parts, target={"gender × skin_tone": own})
    assert frame.intersection("gender", "skin_tone").target["woman × lighter"] == 0.4
    assert frame.intersection("skin_tone", "gender") is frame.intersection("gender", "skin_tone")
    with pytest.raises(UsageError, match="in this order"):
        AuditFrame(parts, target={"skin_tone × gender": own})
    with pytest.raises(UsageError, match="'woman × dark'"):
        AuditFrame(parts, target={"gender × skin_tone": {"woman × dark": 0.5, "man × dark": 0.5}})
    with pytest.raises(UsageError, match="one target for 2 attributes"):
        AuditFrame(parts, target=third)
    with pytest.raises(UsageError, match="target for 'age'"):
        AuditFrame(parts, target={"age": {"young": 0.5, "old": 0.5}})


def test_by_prompt_and_pooled():
    frame = both()
    assert list(frame.by_prompt) == ["a doctor", "a nurse"]
    doctor, nurse = frame.by_prompt.values()
    assert (doctor.n, nurse.n, frame.n) == (5, 3, 8)
    women = [f.by_attribute["gender"].shares["woman"].count for f in (doctor, nurse, frame)]
    assert women == [3, 0, 3]
    exported = json.loads(json.dumps(frame.to_dict(), allow_nan=False))
    assert exported["prompts"]["a nurse"]["attributes"]["gender"]["n"] == 3
    assert exported["intersections"]["gender × skin_tone"]["n_known"] == 6
    assert str(frame).count("over the ") == 3 and frame._repr_html_().count("</table>") == 6


def test_pictures_are_paired_by_prompt_and_seed():
    names = ["woman", "man", "man", "man"]
    before = Labels.from_names("gender", GENDER, names, seeds=[0, 1, 0, 1])
    before = replace(before, prompts=np.array(["a", "a", "b", "b"]))
    after = before.select([2, 3, 0])  # the other prompt first, one picture gone
    same = AuditFrame(before).compare(AuditFrame(after))
    assert same.n == 3 and same.unpaired == 1 and same.p == 1
    other = replace(before.select([0, 1]), prompts=np.array(["c", "c"]))
    assert AuditFrame(before.select([2, 3])).compare(AuditFrame(other)).n == 2  # by seed alone
    with pytest.raises(UsageError, match="twice"):
        AuditFrame(before).compare(AuditFrame(replace(before, prompts=np.array(["a"] * 4))))
    with pytest.raises(UsageError, match="no seed"):
        AuditFrame(before).compare(AuditFrame(replace(before, prompts=np.array([*"ccdd"]))))


def test_a_metric_of_ones_own():
    def largest(p, t):
        return p.max()

    frame = AuditFrame(gender(10, 90), metrics={"largest share": largest})
    mine = frame.figures.own["largest share"]
    assert mine.value == 0.9 and mine.low < 0.9 < mine.high
    assert mine.low == pytest.approx(wilson(90, 100).low)
    assert mine.noise_floor == pytest.approx(
        0.5 + noise_floor("deviation_ratio", 100, (0.5, 0.5)) / 2
    )
    assert "largest share" in str(frame) and frame.to_dict()["own"]["largest share"]["n"] == 100
    with pytest.raises(UsageError, match="str as the metric 'x'"):
        AuditFrame(gender(1, 1), metrics={"x": "kl"})


def test_labels_of_other_pictures_are_no_frame():
    with pytest.raises(UsageError, match="other pictures"):
        AuditFrame([gender(1, 1), skin("lighter", "darker", "darker")])
    with pytest.raises(UsageError, match="one set of labels for each"):
        AuditFrame([gender(1, 1), gender(2, 0)])
    with pytest.raises(UsageError, match="'age'"):
        AuditFrame(gender(1, 1), "age")


def test_two_versions_of_a_recogniser_are_not_compared():
    one = replace(gender(5, 5), recogniser="clip", version="a" * 64)
    with pytest.raises(UsageError, match="two versions of clip"):
        AuditFrame(one).compare(AuditFrame(replace(one, version="b" * 64)))
    assert agreement(one, replace(one, version="b" * 64)).value == 1  # which is what it is for


# -- two audits ----------------------------------------------------------------------------------


def test_statistical_parity_difference_of_two_prompts():
    doctors, nurses = AuditFrame(gender(10, 70, 20)), AuditFrame(gender(45, 5, seeds=range(7, 57)))
    found = statistical_parity_difference(doctors, nurses, group="woman")
    assert found == newcombe(10, 80, 45, 50)  # over the known; no seed is shared
    assert found.value == pytest.approx(10 / 80 - 45 / 50) and found.n == 130
    assert -1 <= found.low < found.value < found.high < 0
    turned = statistical_parity_difference(nurses, doctors, group="woman")
    assert (turned.value, turned.low) == pytest.approx((-found.value, -found.high))
    men = statistical_parity_difference(doctors, nurses, group="man")
    assert men.value == pytest.approx(-found.value)
    surer = AuditFrame(doctors.labels, confidence=0.99)
    assert statistical_parity_difference(surer, nurses, group="woman").high > found.high
    with pytest.raises(UsageError, match="'person'"):
        statistical_parity_difference(doctors, nurses, group="person")
    with pytest.raises(UsageError, match="the same attribute"):
        statistical_parity_difference(doctors, AuditFrame(race(*[1] * 7)), group="woman")


def test_compare_with_itself_is_nothing():
    for labels in (gender(10, 85, 5), race(20, 20, 20, 10, 10, 10, 10)):
        frame = AuditFrame(labels)
        same = frame.compare(frame)
        assert same.p == 1 and same.n == 100 and same.unpaired == 0
        for row in (*same.rows, same.unknown):
            assert row.difference == 0 and row.low < 0 < row.high and row.p == row.p_holm == 1
        assert same.equivalent() and not same.equivalent(margin=0.01)


def test_compare_pairs_by_seed_whatever_the_order():
    before = Labels.from_names("gender", GENDER, ["man", "man", "woman"], seeds=[1, 2, 3])
    after = Labels.from_names("gender", GENDER, ["woman", "woman", "man"], seeds=[3, 2, 1])
    change = AuditFrame(before).compare(AuditFrame(after))
    woman = change.rows[0]
    assert woman.difference == pytest.approx(1 / 3) and change.n == 3  # only seed 2 changed


def test_compare_after_steering():
    change = AuditFrame(gender(10, 90)).compare(AuditFrame(gender(50, 50)))
    woman, man = change.rows
    assert (woman.before, woman.after, woman.difference) == (0.1, 0.5, pytest.approx(0.4))
    assert (man.low, man.high) == pytest.approx((-woman.high, -woman.low))
    assert change.p == woman.p == pytest.approx(stats.binomtest(0, 40).pvalue)
    assert not change.equivalent() and change.test == "exact McNemar"
    assert "+0.40" in str(change) and "-0.40" in str(change) and "< 0.001" in str(change)
    json.dumps(change.to_dict(), allow_nan=False)


def test_compare_of_many_groups_corrects_for_them():
    before, after = race(58, 7, 7, 7, 7, 7, 7), race(46, 9, 9, 9, 9, 9, 9)
    change = AuditFrame(before).compare(AuditFrame(after))
    assert change.test == "Stuart-Maxwell" and len(change.rows) == 7
    white = change.rows[0]
    assert white.p_holm == pytest.approx(min(1, 7 * white.p)) and white.p_holm > white.p
    assert "p (Holm)" in str(change)


def test_shares_that_become_unknown_are_seen():
    change = AuditFrame(gender(40, 60)).compare(AuditFrame(gender(40, 50, 10)))
    assert change.unknown.difference == pytest.approx(0.1) and change.unknown.p < 0.05
    assert change.rows[1].difference == pytest.approx(-0.1)
    assert not change.unknown_within() and change.unknown_within(limit=0.2, rise=0.15)
    nobody = AuditFrame(gender(0, 0, 100))
    assert not nobody.compare(nobody).equivalent()  # nothing changed that anybody saw
    same = AuditFrame(gender(40, 60))
    assert same.compare(same).unknown_within()


def test_pictures_without_a_pair_are_counted():
    few = gender(5, 5, seeds=range(5, 15))
    change = AuditFrame(gender(5, 5)).compare(AuditFrame(few))
    assert change.n == 5 and change.unpaired == 10
    assert "5 pairs of the same seed (10 pictures without a pair)" in str(change)
    one = AuditFrame(gender(1, 0)).compare(AuditFrame(gender(1, 1)))
    assert "1 pair of the same seed (1 picture without a pair)" in str(one)


def test_compare_refuses_what_does_not_match():
    frame = AuditFrame(gender(5, 5))
    with pytest.raises(UsageError, match="the same attribute"):
        frame.compare(AuditFrame(race(*[1] * 7)))
    with pytest.raises(UsageError, match="no seed"):
        frame.compare(AuditFrame(gender(5, 5, seeds=range(100, 110))))
    with pytest.raises(UsageError, match="twice"):
        frame.compare(AuditFrame(gender(5, 5, seeds=[0] * 10)))
    with pytest.raises(UsageError, match="margin=nan"):
        frame.compare(frame).equivalent(margin=float("nan"))


def test_spillover_has_a_row_per_attribute_and_holm_over_all():
    skin = [
        Labels.from_names(
            "skin_tone", ("lighter", "darker"), ["lighter"] * k + ["darker"] * (100 - k)
        )
        for k in (80, 92)
    ]
    others = race(20, 20, 20, 10, 10, 10, 10)
    rows = spillover({"skin_tone": tuple(skin), "race": (others, others)})
    assert [row.attribute for row in rows] == ["skin_tone", "race"]
    assert rows[0].difference == pytest.approx(0.12) and rows[0].group == "lighter"
    assert rows[0].p_holm == pytest.approx(2 * rows[0].p) and not rows[0].equivalent
    assert rows[1].p_holm == 1 and rows[1].equivalent
    assert spillover({}) == []


def test_spillover_names_the_group_that_moved_most():
    rows = spillover({"race": (race(40, 10, 10, 10, 10, 10, 10), race(40, 30, 2, 7, 7, 7, 7))})
    moved = rows[0]
    assert moved.group == "Black" and moved.difference == pytest.approx(0.2)


def test_agreement_is_over_what_both_know():
    one = Labels.from_names("gender", GENDER, ["woman", "man", "man", "unknown"], seeds=range(4))
    other = Labels.from_names("gender", GENDER, ["man", "man", "woman", "man"], seeds=[3, 2, 1, 0])
    found = agreement(one, other)  # seed 0: woman, man; 1: man, woman; 2: man, man
    assert (found.count, found.n) == (1, 3)


def test_tens_of_groups():
    names = tuple(f"job {i}" for i in range(36))
    p = np.eye(36)[np.arange(180) % 36]
    p[:5] = np.eye(36)[7]  # of the jobs 0 to 4 one picture each becomes one of job 7
    frame = AuditFrame(Labels("concept", names, p))
    assert frame.deviation_ratio.value == pytest.approx((10 / 180 - 1 / 36) / (1 - 1 / 36))
    assert len(str(frame).splitlines()) == 36 + 12
