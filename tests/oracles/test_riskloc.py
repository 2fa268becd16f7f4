"""Published yardsticks of localisation: RiskLoc (Kalander, arXiv 2205.10004).

RS: alarms of a video platform, each minute's stalls by cdn, bitrate, p2p, device ..., with the cause that the operators found; from RobustSpot
as handed out with RiskLoc (MIT). Published F1 there: Adtributor .25, AutoRoot .29. The minute of the alarm is compared with the four
before it, as there. A named slice is right only when it is exactly the cause.

S: synthetic amounts, rebuilt after the paper and its public generator, with fewer values (5, 6, 5 and 4 instead of 10, 12, 10, 8 and 5; at full size F1 was
.56 over ten instances). Leaves are Weibull (shape .5 to 1) x 100, up to a quarter of them 0; the forecast is off by up to 25% of each leaf,
on either side; one to three causes, each of one to three slices of the same properties, of which no two overlap, fall by 20 to 100%
(more than the noise), their leaves by nearly the same. Causes of all four properties are in it and are not looked for: slices are of up to three.

L: as S, but with less noise (up to 10%) and one to five causes, each of one leaf, so of all four properties, which falls by 50 to 100%; no two share a
value. Rebuilt with 5, 8, 5 and 6 values instead of 10, 24, 10 and 15. Slices of up to three properties name none of them; with depth=4 F1 is .6.
"""

from pathlib import Path

import numpy as np
import pytest

from opsnb.measures import localise

RS = Path(__file__).parents[2].parent / "shared" / "reference" / "riskloc" / "RS"
with_rs = pytest.mark.skipif(not RS.is_dir(), reason="the RS set is not beside the repository (../shared/reference/riskloc/RS)")
MINUTE_S = 60
SIZES = {"a": 5, "b": 6, "c": 5, "d": 4}
UNIT = 30  # an amount so large counts as one
L_SIZES, L_UNIT = {"a": 5, "b": 8, "c": 5, "d": 6}, 1


@with_rs
def test_real_alarms_are_explained_better_than_by_autoroot_and_adtributor():
    import pandas as pd
    import yaml

    hits = named = causes = 0
    alarms = yaml.safe_load((RS / "anomaly.yaml").read_text(encoding="utf-8"))
    for alarm in alarms[1::2]:  # the others were looked at when least_share was chosen
        rows = pd.read_csv(RS / f"{alarm['data']}.csv")
        by = [column for column in rows if column not in ("min", "value", "cnt")]
        rows = rows.assign(step="plays well", entered=rows["cnt"], converted=(rows["cnt"] - rows["value"]).clip(0))
        now, before = rows["min"] == alarm["timestamp"], rows["min"].isin([alarm["timestamp"] - MINUTE_S * ago for ago in range(1, 5)])
        found = localise.change_slices(rows[now], rows[before], by=by)["where"]
        cause = alarm["cause"] if isinstance(alarm["cause"], list) else [alarm["cause"]]
        slices, true = ({tuple(sorted((name, str(value)) for name, value in one.items())) for one in several} for several in (found, cause))
        hits, named, causes = hits + len(slices & true), named + len(slices), causes + len(true)
    f1 = 2 * hits / (named + causes)
    assert f1 > 0.29
    assert f1 == pytest.approx(0.50, abs=0.05)


def quiet(random, sizes, noisiest):
    """(leaves with their actual and forecast amount, nothing wrong yet; how noisy; whether what goes wrong is to make the actual one fall,
    which is where the noise leans)"""
    import pandas as pd

    leaves = pd.DataFrame(np.array(np.meshgrid(*(np.arange(size) for size in sizes.values()), indexing="ij")).reshape(len(sizes), -1).T,
                          columns=list(sizes))
    count, noise = len(leaves), random.uniform(0, noisiest)
    real = random.weibull(random.uniform(.5, 1), count) * 100 * (random.random(count) > random.uniform(0, .25))
    other = np.maximum(real * (1 + random.normal(0, noise, count)), 0)
    swap = random.random(count) < .5
    actual, forecast = np.where(swap, other, real), np.where(swap, real, other)
    return leaves.assign(actual=actual, forecast=forecast), noise, actual.sum() <= forecast.sum()


def amounts(random, causes):
    """(leaves of the S set, the slices that fell)"""
    leaves, noise, falls = quiet(random, SIZES, .25)
    count, (low, high) = len(leaves), leaves[["actual", "forecast"] if falls else ["forecast", "actual"]].to_numpy().T
    taken, planted = np.zeros(count, bool), set()
    for _ in range(causes):
        properties = sorted(random.choice(list(SIZES), random.integers(1, len(SIZES) + 1), replace=False))
        severity, deviation = random.uniform(.2, 1) + noise, random.uniform(0, .1)
        for _ in range(random.integers(1, 4)):
            one = {name: int(random.integers(SIZES[name])) for name in properties}
            own = np.logical_and.reduce([leaves[name] == value for name, value in one.items()])
            if not (own & taken).any():
                low = np.where(own, np.maximum(high * (1 - random.normal(severity, deviation, count)), 0), low)
                taken |= own
                planted.add(tuple(sorted(one.items())))
    actual, forecast = (low, high) if falls else (high, low)
    return leaves.assign(actual=actual, forecast=forecast), planted


def named(leaves, unit=UNIT, depth=3):
    """Amounts as so many units out of twenty times the largest leaf's: rare enough for the share to stand for the amount."""
    ceiling = 20 * int(leaves[["actual", "forecast"]].max(axis=None) / unit + 1)
    now, before = (leaves.assign(step="sold", entered=ceiling, converted=np.rint(leaves[side] / unit).astype(int))
                   for side in ("actual", "forecast"))
    return {tuple(sorted(where.items())) for where in localise.change_slices(now, before, by=list(SIZES), depth=depth)["where"]}


def test_synthetic_amounts_like_the_s_set():
    hits = found = causes = 0
    for seed in range(8000, 8030):  # none of them looked at before
        random = np.random.default_rng(seed)
        leaves, planted = amounts(random, int(random.integers(1, 4)))
        slices = named(leaves)
        hits, found, causes = hits + len(slices & planted), found + len(slices), causes + len(planted)
    assert 2 * hits / (found + causes) > 0.4  # .46, of at most some .86: the rest is of four properties
    assert hits / found > 0.8  # what is named is right


def single_leaves(random):
    """(leaves of the L set, those that fell)"""
    leaves, noise, falls = quiet(random, L_SIZES, .1)
    falling, standing = ("actual", "forecast") if falls else ("forecast", "actual")
    free, planted = (leaves["actual"] > 0).to_numpy(copy=True), set()
    for _ in range(random.integers(1, 6)):
        leaf = random.choice(np.flatnonzero(free))
        leaves.loc[leaf, falling] = leaves.loc[leaf, standing] * max(1 - random.uniform(.5, 1) - noise, 0)
        for name in L_SIZES:
            free &= (leaves[name] != leaves.loc[leaf, name]).to_numpy()
        planted.add(tuple((name, int(leaves.loc[leaf, name])) for name in L_SIZES))
        if not free.any():
            break
    return leaves, planted


def test_single_leaves_like_the_l_set():
    hits = found = causes = 0
    for seed in range(8200, 8220):  # unit and sizes were chosen on others
        leaves, planted = single_leaves(np.random.default_rng(seed))
        slices = named(leaves, unit=L_UNIT, depth=4)
        hits, found, causes = hits + len(slices & planted), found + len(slices), causes + len(planted)
    assert 2 * hits / (found + causes) > 0.5
    assert hits / found > 0.65


def test_noise_alone_is_no_cause():
    assert sum(len(named(amounts(np.random.default_rng(seed), 0)[0])) for seed in range(8100, 8130)) <= 3
