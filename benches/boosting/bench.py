#!/usr/bin/env python3
"""Quantile boosting beside LightGBM: one table, on the same rows and features, with the same parameters, in
the same run.

Both take turns, so that what disturbs one disturbs the other. All times are medians of CPU time with one
thread. Without LightGBM in this Python, its row is left out.
"""

import argparse
import array
import json
import os
import pathlib
import statistics
import subprocess
import time

os.environ["OMP_NUM_THREADS"] = "1"
try:
    import lightgbm
    import numpy
except ImportError:
    lightgbm = None


def floats(path):
    values = array.array("d")
    values.frombytes(path.read_bytes())
    return values


def ours(command, folder):
    """One measurement of the Rust side, which also writes the rows; its seconds and its forecasts."""
    said = subprocess.run([*command, "--beside", str(folder)], check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(said.stdout)
    return found, {ahead: floats(folder / f"said-{ahead}.f64") for ahead in found["horizons"]}


def peer(folder, shape):
    """One measurement of LightGBM; its seconds and its forecasts."""
    fit_seconds = predict_seconds = tests = 0
    said = {}
    for ahead in shape["horizons"]:
        x = numpy.fromfile(folder / f"x-{ahead}.f64").reshape(-1, shape["features"])
        y = numpy.fromfile(folder / f"y-{ahead}.f64")
        first = shape["first_test"]
        learnt = first - ahead
        columns = []
        for level in shape["levels"]:
            seconds, model = cpu_seconds(lambda: lightgbm.train(
                parameters(shape, level), lightgbm.Dataset(x[:learnt], y[:learnt]), shape["trees"]))
            fit_seconds += seconds
            seconds, column = cpu_seconds(lambda: model.predict(x[first:], num_threads=1))
            predict_seconds += seconds
            columns.append(column)
        tests += len(x) - first
        said[ahead] = numpy.stack(columns, 1).ravel().tolist()
    return {"fit": fit_seconds, "predict": predict_seconds / tests}, said


def parameters(shape, level):
    return {"objective": "quantile", "alpha": level, "learning_rate": shape["rate"], "num_leaves": shape["leaves"],
            "min_data_in_leaf": shape["min_leaf"], "lambda_l2": shape["l2"], "bagging_fraction": shape["rows"],
            "bagging_freq": 1, "feature_fraction": shape["columns"], "max_bin": shape["bins"], "num_threads": 1,
            "verbose": -1}


def cpu_seconds(work):
    before = time.process_time()
    result = work()
    return time.process_time() - before, result


def pinball(folder, shape, said):
    """The mean pinball loss of each level over all horizons, as a ratio to that of the last value."""
    losses = {level: [0, 0] for level in shape["levels"]}
    for ahead, values in said.items():
        y = floats(folder / f"y-{ahead}.f64")[shape["first_test"]:]
        for place, level in enumerate(shape["levels"]):
            column = values[place::len(shape["levels"])]
            losses[level][0] += sum(loss(level, wanted - value) for wanted, value in zip(y, column))
            losses[level][1] += sum(loss(level, wanted) for wanted in y)
    return [ratio[0] / ratio[1] for ratio in losses.values()]


def loss(level, residual):
    return max(level * residual, (level - 1) * residual)


def table_row(cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", required=True, type=pathlib.Path, help="for rows and forecasts")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("command", nargs="+", help="what runs the Rust side")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)

    rounds = {"loadline": [], "peer": []}
    said = {}
    for _ in range(given.rounds):
        shape, said["loadline"] = ours(given.command, given.folder)
        rounds["loadline"].append(shape)
        if lightgbm:
            found, said["peer"] = peer(given.folder, shape)
            rounds["peer"].append(found)

    middle = {who: {name: statistics.median(found[name] for found in all_found) for name in ("fit", "predict")}
              for who, all_found in rounds.items() if all_found}
    models = len(shape["horizons"]) * len(shape["levels"])
    print(f"{shape['first_test']} rows of {shape['features']} features, {models} models of {shape['trees']} trees with "
          f"{shape['leaves']} leaves, {shape['bins']} bins, one thread, medians of {given.rounds} rounds; pinball loss "
          "on four days after them, as a ratio to that of the last value\n")
    table_row(["program", "fit of all s", "predict µs a row and horizon", *(f"q{level}" for level in shape["levels"])])
    print("|---" * (3 + len(shape["levels"])) + "|")
    for who, found in middle.items():
        name = who if who == "loadline" else f"LightGBM {lightgbm.__version__}"
        losses = pinball(given.folder, shape, said[who])
        table_row([name, f"{found['fit']:.3f}", f"{found['predict'] * 1e6:.1f}", *(f"{value:.3f}" for value in losses)])
    if lightgbm:
        ratios = [f"{middle['peer'][name] / middle['loadline'][name]:.1f}" for name in ("fit", "predict")]
        table_row(["times as fast", *ratios, *("" for _ in shape["levels"])])
    else:
        print("\nno LightGBM in this Python: only loadline was measured")


if __name__ == "__main__":
    main()
