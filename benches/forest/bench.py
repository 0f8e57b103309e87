#!/usr/bin/env python3
"""The Isolation Forest beside scikit-learn's: one table, on the same rows, in the same run.

Both take turns, so that what disturbs one disturbs the other. All times are medians of the CPU time of one
thread. Without scikit-learn in this Python, its row is left out.
"""

import argparse
import array
import json
import os
import pathlib
import statistics
import subprocess
import time

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[threads] = "1"
try:
    import numpy
    import sklearn
    from sklearn.ensemble import IsolationForest
except ImportError:
    sklearn = None

CONTAMINATION = 0.05
SINGLE_ROWS = 100
# What eight overlapping walks of eight levels cost where nothing but two loads a cycle bounds them.
FLOOR_NS_A_TREE = 2.75


def ours(command, folder):
    """One measurement of the Rust side, which also writes the rows; its seconds and its scores."""
    said = subprocess.run([*command, "--beside", str(folder)], check=True, stdout=subprocess.PIPE, text=True)
    scores = array.array("d")
    scores.frombytes((folder / "scores.f64").read_bytes())
    return json.loads(said.stdout), scores


def peer(folder, shape):
    """One measurement of scikit-learn, with the same parameters; its seconds and its scores."""
    rows = numpy.fromfile(folder / "rows.f32", numpy.float32).reshape(-1, shape["features"])

    def fit(contamination):
        return IsolationForest(
            n_estimators=shape["trees"], max_samples=shape["samples"], contamination=contamination,
            random_state=shape["random_state"], n_jobs=1).fit(rows)

    fit_seconds, forest = cpu_seconds(lambda: fit("auto"))
    with_contamination, _ = cpu_seconds(lambda: fit(CONTAMINATION))
    batch, scores = cpu_seconds(lambda: forest.score_samples(rows))
    single, _ = cpu_seconds(lambda: [forest.score_samples(rows[i:i + 1]) for i in range(SINGLE_ROWS)])
    found = {"fit": fit_seconds, "fit_with_contamination": with_contamination, "batch": batch,
             "single": single / SINGLE_ROWS}
    return found, (-scores).tolist()


def cpu_seconds(work):
    before = time.thread_time()
    result = work()
    return time.thread_time() - before, result


def roc_auc(scores, labels):
    """The share of pairs of a planted and another row that the scores put in order; ties count half."""
    ranked = sorted(zip(scores, labels))
    below = wins = 0
    start = 0
    while start < len(ranked):
        end = start
        while end < len(ranked) and ranked[end][0] == ranked[start][0]:
            end += 1
        planted = sum(label for _, label in ranked[start:end])
        others = end - start - planted
        wins += planted * (below + others / 2)
        below += others
        start = end
    return wins / ((len(ranked) - below) * below)


def table_row(cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def cells(name, found, shape, auc):
    a_row = found["batch"] / shape["rows"] * 1e9
    return [name, f"{found['fit'] * 1e3:.1f}", f"{found['fit_with_contamination'] * 1e3:.0f}", f"{a_row:.0f}",
            f"{a_row / shape['trees']:.2f}", f"{found['single'] * 1e6:.2f}", f"{auc:.4f}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", required=True, type=pathlib.Path, help="for rows and scores")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("command", nargs="+", help="what runs the Rust side")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)

    rounds = {"loadline": [], "peer": []}
    scores = {}
    for _ in range(given.rounds):
        shape, scores["loadline"] = ours(given.command, given.folder)
        rounds["loadline"].append(shape)
        if sklearn:
            found, scores["peer"] = peer(given.folder, shape)
            rounds["peer"].append(found)

    labels = (given.folder / "labels.u8").read_bytes()
    names = ["fit", "fit_with_contamination", "batch", "single"]
    middle = {who: {name: statistics.median(found[name] for found in all_found) for name in names}
              for who, all_found in rounds.items() if all_found}
    print(f"{shape['rows']} rows of {shape['features']} features, {shape['trees']} trees of {shape['samples']} rows, "
          f"one thread, medians of {given.rounds} rounds\n")
    table_row(["program", "fit ms", f"fit with contamination {CONTAMINATION} ms", "batch ns a row", "ns a row and tree",
               "single row µs", "ROC-AUC"])
    print("|---" * 7 + "|")
    for who, found in middle.items():
        name = who if who == "loadline" else f"scikit-learn {sklearn.__version__}"
        table_row(cells(name, found, shape, roc_auc(scores[who], labels)))
    if sklearn:
        ratio = {name: f"{middle['peer'][name] / middle['loadline'][name]:.1f}" for name in names}
        table_row(["times as fast", ratio["fit"], ratio["fit_with_contamination"], ratio["batch"], ratio["batch"],
                   ratio["single"], ""])
    else:
        print("\nno scikit-learn in this Python: only loadline was measured")
    a_tree = middle["loadline"]["batch"] / shape["rows"] / shape["trees"] * 1e9
    print(f"\n{a_tree / FLOOR_NS_A_TREE:.1f} times the estimated floor of {FLOOR_NS_A_TREE} ns a row and tree")


if __name__ == "__main__":
    main()
