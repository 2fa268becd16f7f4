"""k-means: what is computed side by side, in single precision and with weights equals what slow loops find; the panel tells groups from clouds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.measures import kmeans as module
from opsnb.measures.kmeans import fits, followed, grouped, seeds
from opsnb.measures.kmeans_panel import clouds, panel_of, silhouettes, stability

SEEDS = st.integers(0, 2**32 - 1)


def kmeans(points, k, random):
    """The best of five."""
    return grouped(points, seeds(points, k, random, tries=5)[0])


def slow(points, centres):
    """Lloyd's steps, one point and one centre after the other."""
    before = None
    while True:
        group = [min(range(len(centres)), key=lambda number: sum((point - centres[number]) ** 2)) for point in points]
        if group == before:
            return np.array(centres)
        before = group
        own = [[point for point, number in zip(points, group, strict=True) if number == this] for this in range(len(centres))]
        centres = [sum(mine) / len(mine) if mine else centre for mine, centre in zip(own, centres, strict=True)]


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 4), st.integers(1, 5))
def test_a_fit_takes_the_steps_of_a_slow_one(seed, features, k):
    random = np.random.default_rng(seed)
    points = random.normal(size=(30, features))
    centres = random.normal(size=(k, features)) * 2  # some are nearest to nobody, and stay
    assert followed(points, centres) == pytest.approx(slow(points, list(centres)))


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 4), st.integers(1, 5))
def test_a_point_held_three_times_counts_as_three_points(seed, features, k):
    random = np.random.default_rng(seed)
    points, often = random.normal(size=(40, features)), random.integers(0, 4, 40)
    starts = points[:k][None]
    weighted, inertia = module._lloyd(points, starts, often[None].astype(float), settled=0.0, stride=1.0)
    repeated, as_much = module._lloyd(np.repeat(points, often, axis=0), starts, None, settled=0.0, stride=1.0)
    assert weighted == pytest.approx(repeated)
    assert inertia == pytest.approx(as_much)


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_samples_side_by_side_are_fitted_as_each_alone(seed):
    random = np.random.default_rng(seed)
    points, often = random.normal(size=(60, 3)), random.integers(0, 3, (4, 60))
    starts = seeds(points, 3, random, tries=3, often=often)
    beside = fits(points, starts, often)
    for sample in range(4):
        assert fits(points, starts[sample:sample + 1], often[sample:sample + 1])[0] == pytest.approx(beside[sample], abs=1e-3)
        of_each = [fits(points, starts[sample:sample + 1, each:each + 1], often[sample:sample + 1])[0] for each in range(3)]
        inertia = [(((points[:, None] - centres) ** 2).sum(axis=2).min(axis=1) * often[sample]).sum() for centres in [*of_each, beside[sample]]]
        assert inertia[-1] == pytest.approx(min(inertia), rel=1e-4)  # the best of the three


def test_longer_strides_end_where_plain_steps_do():
    random = np.random.default_rng(5)
    points = np.concatenate([random.normal(size=(200, 3)) + middle for middle in (0, 4, 8)])
    starts = points[[0, 1, 600 - 1]]  # two of them in one group: a way to go
    assert fits(points, starts[None, None])[0] == pytest.approx(followed(points, starts), abs=0.03)


def test_what_does_not_fit_into_the_cache_gives_the_same(monkeypatch):
    random = np.random.default_rng(3)
    points = random.normal(size=(200, 3))
    starts = seeds(points, 4, random, tries=6)
    whole = fits(points, starts)
    monkeypatch.setattr(module, "BESIDE", 1)
    assert fits(points, starts) == pytest.approx(whole, abs=1e-5)


def test_seeds_are_drawn_by_the_square_of_the_distance():
    # points 0, 1 and 3, the first of them twice, the second not at all in the sample. First seed: 0 in two of three draws. Then the other one, surely.
    points = np.array([[0.0], [1.0], [3.0]])
    drawn = seeds(points, 2, np.random.default_rng(0), tries=6000, often=np.array([[2, 0, 1]]))[0, :, :, 0]
    assert (drawn[:, 0] == 0).mean() == pytest.approx(2 / 3, abs=0.02)
    assert sorted(set(map(tuple, drawn.tolist()))) == [(0.0, 3.0), (3.0, 0.0)]

@pytest.mark.parametrize(("candidates", "after_0", "after_1"), [(1, 0.9, 0.8), (3, 0.999, 0.992)])
def test_a_seed_is_the_best_of_a_few_candidates(monkeypatch, candidates, after_0, after_1):
    # after 0 the squares of the distances are 1 and 9: 3 is drawn nine times of ten; after 1 they are 1 and 4: 3 in four of five. 3 leaves less
    # inertia than the other one, which is chosen only where all three drawn are that: .1 and .2 to the third
    monkeypatch.setattr(module, "CANDIDATES", candidates)
    drawn = seeds(np.array([[0.0], [1.0], [3.0]]), 2, np.random.default_rng(0), tries=12000)[0, :, :, 0]
    for first, share in ((0, after_0), (1, after_1)):
        assert (drawn[drawn[:, 0] == first, 1] == 3).mean() == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("k", [2, 3, 4])
def test_fewer_kinds_of_points_than_groups_leave_groups_empty_and_nothing_over(k):
    points = np.repeat([[0.0, 0.0], [1.0, 0.0], [0.0, 5.0]], 20, axis=0)
    found = kmeans(points, k, np.random.default_rng(0))
    assert found.centres.shape == (k, 2)
    # two groups: 0 and 1 on the first axis together, each half from their middle: 40 points at a quarter
    assert found.inertia == pytest.approx(10 if k == 2 else 0)


def test_kmeans_and_silhouette_agree_with_scikit_learn():
    """Ours needs no import of 4 CPU seconds and shares the distances of all k; scikit-learn says whether it is right."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    points = np.random.default_rng(1).normal(size=(2000, 3))
    ours = kmeans(points, 5, np.random.default_rng(0))
    theirs = KMeans(5, n_init=5, random_state=0).fit(points)
    assert ours.inertia <= theirs.inertia_ * 1.01
    assert silhouettes(points, [theirs.labels_])[0] == pytest.approx(silhouette_score(points, theirs.labels_))


def test_silhouette_by_hand():
    # points 0, 1 | 5, 6. Point 0: inside 1, outside (5 + 6) / 2 = 5.5 -> 1 - 1 / 5.5; point 1: 1 - 1 / 4.5; and the mirror images
    points = np.array([[0.0], [1.0], [5.0], [6.0]])
    expected = ((1 - 1 / 5.5) + (1 - 1 / 4.5)) / 2
    assert silhouettes(points, [np.array([0, 0, 1, 1])])[0] == pytest.approx(expected)


def test_groups_survive_other_samples_where_they_are_apart_and_not_where_one_is_cut_in_two():
    random = np.random.default_rng(0)
    points = np.concatenate([random.normal(size=(150, 2)), 3 * random.normal(size=(150, 2)) + 20])  # the wide one is cut
    apart, cut = (kmeans(points, k, random) for k in (2, 3))
    whole, thirds = stability(points, [apart, cut], random)
    assert whole == pytest.approx([1, 1])
    assert thirds.max() > 0.95  # the one that stays whole
    assert sorted(thirds)[1] < 0.9


def test_the_panel_hands_over_the_groups_that_it_tells_of():
    random = np.random.default_rng(0)
    points = np.concatenate([random.normal(size=(100, 2)) + middle for middle in (0, 6, 12)])
    panel = panel_of(points, [2, 3], np.random.default_rng(1))
    assert panel.frame["inertia"].tolist() == [panel.groups[k].inertia for k in (2, 3)]
    assert panel.frame["stability"].tolist() == [panel.stability[k].min() for k in (2, 3)]
    assert panel.groups[3].inertia == grouped(points, panel.groups[3].centres[None]).inertia
    assert panel.frame["smallest"].iloc[1] == pytest.approx(1 / 3)


def test_a_cloud_has_the_columns_and_the_ranks_of_the_points_and_no_groups():
    random = np.random.default_rng(0)
    kind = random.integers(0, 2, 2000)
    points = np.column_stack([kind * 6 + random.normal(size=2000), kind * 6 + random.normal(size=2000), random.exponential(size=2000)])
    (drawn,) = clouds(points, 2000, random, number=1)
    assert np.sort(drawn, axis=0).mean(axis=0) == pytest.approx(points.mean(axis=0), abs=0.2)
    assert np.corrcoef(drawn.T)[0] == pytest.approx([1, 0.55, 0], abs=0.1)  # within a kind the first two go their own ways
    assert all(np.isin(drawn[:, column], points[:, column]).all() for column in range(3))
    assert kmeans(drawn, 2, random).inertia > 1.2 * kmeans(points, 2, random).inertia
