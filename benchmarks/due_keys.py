"""Shows that the idle cost of the queue does not grow with the number of pipelines: 20 and 2,000 idle ones, in turns, in one run.

Prints the processor time that the workers use while nothing is due, and the cost of one due key, for both numbers. A ratio near 1
means that the number does not matter.
"""

from __future__ import annotations

import statistics
import time

from ingestion_handlers.due import DueKeys, Result
from ingestion_handlers.workers import Workers
from ingestion_operator.model.pipeline import PipelineKey

FEW, MANY = 20, 2_000
ROUNDS = 5
IDLE_SECONDS = 1.0
KEYS_PER_ROUND = 2_000
HOUR = 3600.0


def keys(count: int) -> list[PipelineKey]:
    """Pipelines in fifty namespaces."""
    return [PipelineKey(f"team-{number % 50}", f"words-{number}") for number in range(count)]


def idle_seconds(count: int) -> float:
    """Processor seconds of one idle second with so many pipelines, each due in an hour."""
    workers: Workers[PipelineKey] = Workers(4)
    workers.start(lambda _: Result(HOUR))
    for key in keys(count):
        workers.mark(key)
    while workers.busy or workers.waiting:
        time.sleep(0.01)
    before = time.process_time()
    time.sleep(IDLE_SECONDS)
    used = time.process_time() - before
    workers.stop()
    workers.join()
    return used


def seconds_per_key(count: int) -> float:
    """Seconds to mark, take and finish one key beside so many pipelines that are due in an hour."""
    due: DueKeys[PipelineKey] = DueKeys()
    for key in keys(count):
        due.mark(key, 0.0)
    while (work := due.take(0.0)) is not None:
        due.finish(work, 0.0, Result(HOUR))
    began = time.perf_counter()
    for number in range(KEYS_PER_ROUND):
        due.mark(PipelineKey("team-0", f"words-{number % FEW}"), 1.0)
        taken = due.take(1.0)
        if taken is not None:
            due.finish(taken, 1.0, Result(HOUR))
    return (time.perf_counter() - began) / KEYS_PER_ROUND


def main() -> None:
    """Print both costs and their ratios."""
    idle: dict[int, list[float]] = {FEW: [], MANY: []}
    each: dict[int, list[float]] = {FEW: [], MANY: []}
    for _ in range(ROUNDS):
        for count in (FEW, MANY):
            idle[count].append(idle_seconds(count))
            each[count].append(seconds_per_key(count))
    few, many = (statistics.median(idle[count]) for count in (FEW, MANY))
    print(f"idle, {FEW} pipelines: {few * 100:.3f} % of a core; {MANY}: {many * 100:.3f} %")
    few, many = (statistics.median(each[count]) for count in (FEW, MANY))
    print(f"one due key, {FEW} pipelines: {few * 1e6:.1f} µs; {MANY}: {many * 1e6:.1f} µs; ratio {many / few:.2f}")


if __name__ == "__main__":
    main()
