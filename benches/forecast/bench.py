#!/usr/bin/env python3
"""Forecasts of real loads beside the naive one: five-minute steps, 5, 15 and 60 minutes ahead.

Each series is the last 21 days of the longest stretch without a gap of over two hours; the last four days
are forecast from every sample on. The naive forecast is the newest sample, its quantiles those of its errors
in the last three days before the test. Prints, for each series and horizon, the pinball loss of the 95 %
quantile and the MASE as ratios to naive's, and the share of samples within the 90 % interval; then the
geometric means (of the shares, the mean).

The data are the folder `traces` of --data; a series whose file is not there is left out.
"""

import argparse
import csv
import datetime
import gzip
import math
import pathlib
import subprocess
import tempfile

STEP = 300
DAY = 288
AHEAD = {300: 1, 900: 3, 3600: 12}
LEVELS = [0.05, 0.5, 0.9, 0.95]
SERIES = {
    "nasa": ("nasa_http_1995", "requests"),
    "twitter": ("twitter_stream_2021", "tweets"),
    "azure19_cpu": ("azure2019_cluster", "cpu_usage"),
    "azure17_sum100": ("azure2017_sum100", "cpu_avg_sum"),
    "bitbrains_sum": ("bitbrains_rnd_sum", "cpu_mhz"),
    "gtask22_cpu": ("google2019_tasks", "t22_avg_cpu_usage"),
    "nab_elb": ("nab_elb_requests", "value"),
    "nab_tweets": ("nab_tweets_amzn", "value"),
}


def averages(path, column):
    """Five-minute means, None where nothing was measured, and the time of the first."""
    sums = {}
    with gzip.open(path, "rt") as file:
        for row in csv.DictReader(file):
            at = datetime.datetime.fromisoformat(row["timestamp"]).replace(tzinfo=datetime.timezone.utc)
            bin_ = sums.setdefault(int(at.timestamp()) // STEP, [0.0, 0])
            if row[column]:
                bin_[0] += float(row[column])
                bin_[1] += 1
    first, last = min(sums), max(sums)
    means = [sums.get(i, (0, 0)) for i in range(first, last + 1)]
    return first, [total / count if count else None for total, count in means]


def bridge(values, most=24):
    """Gaps between two values along the straight line, of each the first `most` samples."""
    known = [i for i, value in enumerate(values) if value is not None]
    for left, right in zip(known, known[1:]):
        for i in range(left + 1, min(right, left + 1 + most)):
            values[i] = values[left] + (values[right] - values[left]) * (i - left) / (right - left)
    return values


def longest_stretch(values):
    best, start = (0, 0), 0
    for i, value in enumerate(values + [None]):
        if value is None:
            best = max(best, (i - start, -start))
            start = i + 1
    return -best[1], -best[1] + best[0]


def load(folder, name):
    """The samples, their times, and the index of the first that is forecast."""
    file, column = SERIES[name]
    first, values = averages(folder / f"{file}.csv.gz", column)
    values = bridge(values)
    start, end = longest_stretch(values)
    start = max(start, end - 21 * DAY)
    samples = values[start:end]
    days = 4 if len(samples) >= 12 * DAY else 2
    times = [(first + start + i) * STEP for i in range(len(samples))]
    return times, samples, len(samples) - days * DAY, (3 if days == 4 else 2) * DAY


def rfc3339(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def quantile(values, level):
    values = sorted(values)
    place = level * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


def naive(samples, test, learnt, ahead):
    """The quantiles at each level as offsets from the newest sample."""
    origins = range(test - learnt - ahead, test - ahead)
    errors = [samples[i + ahead] - samples[i] for i in origins]
    return [0.0 if level == 0.5 else quantile(errors, level) for level in LEVELS]


def score(samples, said, ahead):
    """Pinball loss at 95 %, mean absolute error, share within 5-95 %; `said` is by origin."""
    loss = error = inside = 0.0
    for origin, (low, middle, _, high) in said.items():
        actual = samples[origin + ahead]
        loss += max(0.95 * (actual - high), -0.05 * (actual - high))
        error += abs(actual - middle)
        inside += low <= actual <= high
    return loss / len(said), error / len(said), inside / len(said)


def forecast(command, times, samples, test, model, folder):
    """What loadline says: {ahead: {origin: [quantiles]}}."""
    trace, output = folder / "trace.csv", folder / "forecast.csv"
    with trace.open("w") as file:
        file.write("timestamp,load\n")
        file.writelines(f"{rfc3339(at)},{value!r}\n" for at, value in zip(times, samples))
    subprocess.run([
        command, "forecast", "--input", trace, "--column", "load", "--step", "5m", "--horizons", "5m,15m,1h",
        "--quantiles", ",".join(map(str, LEVELS)), "--test-from", rfc3339(times[test]), "--model", model,
        "--output", output], check=True)
    said = {ahead: {} for ahead in AHEAD.values()}
    with output.open() as file:
        for row in csv.DictReader(file):
            at = datetime.datetime.fromisoformat(row["origin"]).timestamp()
            origin, ahead = round((at - times[0]) / STEP), AHEAD[round(float(row["horizon_seconds"]))]
            if origin + ahead < len(samples):
                said[ahead].setdefault(origin, []).append(float(row["value"]))
    return said


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, default=root.parent / "shared/data/traces")
    parser.add_argument("--command", default=root / "target/release/loadline")
    parser.add_argument("--model", default="auto", help="as of loadline forecast")
    parser.add_argument("series", nargs="*", default=list(SERIES), help="; ".join(SERIES))
    arguments = parser.parse_args()
    print(f"{'':16}" + "".join(f"{f'P95 {m} min':>12}{'MASE':>7}{'in 90 %':>8}" for m in (5, 15, 60)))
    losses, errors, shares = [], [], []
    for name in arguments.series:
        if not (arguments.data / f"{SERIES[name][0]}.csv.gz").exists():
            print(f"{name:16} left out: no file")
            continue
        times, samples, test, learnt = load(arguments.data, name)
        with tempfile.TemporaryDirectory() as folder:
            said = forecast(arguments.command, times, samples, test, arguments.model, pathlib.Path(folder))
        line = f"{name:16}"
        for ahead, by_origin in said.items():
            assert len(by_origin) == len(samples) - ahead - test + 1, "a forecast from every sample on"
            offsets = naive(samples, test, learnt, ahead)
            simple = {origin: [samples[origin] + offset for offset in offsets] for origin in by_origin}
            ours, theirs = score(samples, by_origin, ahead), score(samples, simple, ahead)
            losses.append(ours[0] / theirs[0])
            errors.append(ours[1] / theirs[1])
            shares.append(ours[2])
            line += f"{losses[-1]:12.3f}{errors[-1]:7.3f}{100 * shares[-1]:8.1f}"
        print(line, flush=True)
    if losses:
        geometric = lambda ratios: math.exp(sum(map(math.log, ratios)) / len(ratios))
        print(f"\n{arguments.model}: P95 pinball {geometric(losses):.3f} and MASE {geometric(errors):.3f} of naive; "
              f"90 % interval: {100 * sum(shares) / len(shares):.1f} % "
              f"({100 * min(shares):.1f} to {100 * max(shares):.1f})")


if __name__ == "__main__":
    main()
