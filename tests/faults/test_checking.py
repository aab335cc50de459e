"""Planted faults: the drills' checkers notice each kind of broken promise."""

from tests.faults.checking import FeedVerdict, OrderVerdict, StoredOrder, judge_feed, judge_orders, numbering_faults

STORED = [StoredOrder("o1", "k1"), StoredOrder("o2", "k2"), StoredOrder("o3", "k3")]
LOG = ["a", "b", "c", "d"]


def test_promises_kept():
    acknowledged = {"k1": ["o1", "o1"], "k2": ["o2"]}  # k3 was written, but its answer was lost with the connection
    assert judge_orders(acknowledged, STORED) == OrderVerdict([], [], [])
    assert judge_feed(LOG, LOG) == FeedVerdict()
    assert numbering_faults([1, 2, 3]) == []


def test_an_acknowledged_order_that_is_gone_is_noticed():
    assert judge_orders({"k1": ["o1"], "k9": ["o9"]}, STORED).lost == ["o9"]


def test_an_answer_that_names_another_keys_order_is_noticed():
    assert judge_orders({"k1": ["o2"]}, STORED).lost == ["o2"]


def test_two_orders_under_one_key_are_noticed():
    assert judge_orders({"k1": ["o1"]}, [*STORED, StoredOrder("o4", "k1")]).doubled == ["k1"]


def test_a_replay_that_answers_another_id_is_noticed():
    verdict = judge_orders({"k1": ["o1", "o4"]}, [*STORED, StoredOrder("o4", "k1")])
    assert verdict.torn == ["k1"]


def test_a_missing_event_is_noticed():
    assert judge_feed(["a", "b", "d"], LOG) == FeedVerdict(missing=["c"])


def test_a_repeated_event_is_noticed():
    assert judge_feed(["a", "b", "b", "c", "d"], LOG) == FeedVerdict(repeated=["b"])


def test_a_reordered_event_is_noticed():
    assert judge_feed(["a", "c", "b", "d"], LOG) == FeedVerdict(disordered=["b"])


def test_an_event_of_nowhere_is_noticed():
    assert judge_feed(["a", "x", "b", "c", "d"], LOG) == FeedVerdict(strange=["x"])


def test_a_hole_and_a_double_in_the_numbering_are_noticed():
    assert numbering_faults([1, 2, 4]) == [4]
    assert numbering_faults([1, 2, 2]) == [2]
