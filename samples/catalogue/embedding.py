"""Vectors of texts by feature hashing: no model, nothing to install, the same numbers on every machine.

Each word is a feature, and so is each pair of adjacent words. A hash of the feature names one of the vector's
numbers and a sign; the feature is added there, weighted by 1 + ln(how often it occurs). The vector is then scaled to
length 1, so that the cosine of two vectors is their dot product. The vector of a text without words is all zeros.

That finds texts which use the same words. It does not know that "car" and "automobile" are alike: for that, put
a model behind `vector`, and give it another NAME, because vectors of two kinds must not be compared.
See Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", https://arxiv.org/abs/0902.2206.
"""

import math
import re
import struct
from collections import Counter
from hashlib import blake2b
from itertools import pairwise
from operator import mul

DIMENSIONS = 1024  # 4 KB an item. With fewer, more features share a number, and short queries find less.
NAME = f"hashing-{DIMENSIONS}-v1"
BIGRAM_WEIGHT = 0.25
LONGEST_WORD = 40  # A longer string is encoded data, not a word.
PACKED = struct.Struct(f"<{DIMENSIONS}f")
WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
# English words that do not show what a text is about.
STOP_WORDS = frozenset(
    WORD.findall("""
    a about above after again all also although an and another any are as at be because been before being below
    between both but by can cannot could did do does doing don't done down during each either else etc even every few
    for from further given had has have having he her here him his how however i if in instead into is isn't it its
    itself just let's like made make many may me might more most much must my neither no nor not now of off on once one
    only onto or other our out over own per rather same see she should since so some such than that the their them then
    there therefore these they this those though through thus to too two under until up upon us use used uses using very
    via was we well were what when where whether which while who whom whose why will with within without would yet you
    your
    """)
)


def words(text: str) -> list[str]:
    """The words in their order and in lower case: runs of letters and digits."""
    return [word for word in WORD.findall(text.casefold()) if len(word) <= LONGEST_WORD]


def telling(found: list[str]) -> list[str]:
    """The words that may show what a text is about."""
    return [word for word in found if len(word) > 1 and word not in STOP_WORDS]


def features(text: str) -> dict[str, float]:
    """Each feature's weight."""
    found = telling(words(text))
    pairs = Counter(map(" ".join, pairwise(found)))
    return {word: 1 + math.log(count) for word, count in Counter(found).items()} | {
        pair: BIGRAM_WEIGHT * (1 + math.log(count)) for pair, count in pairs.items()
    }


def vector(text: str) -> list[float]:
    """DIMENSIONS numbers, as a vector of length 1. All are 0 if the text has no words."""
    values = [0.0] * DIMENSIONS
    for feature, weight in features(text).items():
        # Python's own hash() gives other numbers in every process.
        number = int.from_bytes(blake2b(feature.encode(), digest_size=8).digest(), "little")
        values[(number >> 1) % DIMENSIONS] += weight if number & 1 else -weight
    length = math.sqrt(sum(value * value for value in values))
    return [value / length for value in values] if length else values


def packed(values: list[float]) -> bytes:
    """Four bytes for each number (float32, little-endian), as numpy.frombuffer(data, "<f4") reads them."""
    return PACKED.pack(*values)


def unpacked(data: bytes) -> tuple[float, ...]:
    """The numbers of a packed vector. Raises struct.error if it is not one of these dimensions."""
    return PACKED.unpack(data)


def cosine(one: tuple[float, ...] | list[float], other: tuple[float, ...] | list[float]) -> float:
    """How similar two vectors of length 1 are: 1 if they are the same, about 0 if they have nothing in common."""
    return sum(map(mul, one, other))
