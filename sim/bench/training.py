"""``sightline bench training``: what it takes to make a model and to use one, by the code of ``services/`` itself.

*Training*: rows that lie in memory to weights as bytes; *a checkpoint*: the last one of the running stack, sealed and
written to the disk, then opened: signature, digest, weights.  *Serving*: a question to an answer, texts to vectors, a
photo to what is written on it, in this process; the answers and signs are checked.  Then the running stack
(``whole.py``).  In a round everything is done once, so that what slows a round slows all of it.

``changed`` counts the times that equal rows gave other bytes than in the first round: it has to be 0.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from lineage import dsse
from lineage.enforce.tokens import Signer
from protos.inference_pb2 import EmbedItem, EmbedRequest
from services import checkpoint as checkpoints
from services import embedding, glyphs, lookup, safety
from services import model as text
from services.inference import embed, signs
from services.kinds import KINDS, Trained
from services.training.reader import corpus_files, parse_corpus
from sim.bench import whole
from sim.bench.landmarks import rows
from sim.bench.timing import Figures, Times
from sim.load.untapped import Untapped
from sim.stack.store import LocalStore
from sim.world.photo import draw
from sim.world.places import PLACES
from sim.world.random import keyed

ROUNDS = 20
SIZES = (1_000, 10_000)
# Calls of each kind in a round; texts of a batch; photos that are read in turn.
CALLS, BATCH, PHOTOS = 25, 64, 25
_SIGNS = ("Gate", "Platform", "Cafe", "Exit", "Room", "Pier", "Track", "Hall")
Progress = Callable[[str], None]
Make = Callable[[], Trained]


def measure(rounds: int = ROUNDS, *, sizes: tuple[int, int] = SIZES, calls: int = CALLS, seed: int = 1,
            progress: Progress = lambda text: None) -> dict[str, Any]:
    """{"training": …, "checkpoint": …, "serving": …, "stack": …}: what was done → its figures, [value, low, high].

    Raises RunError (PAI031) when a process dies."""
    with tempfile.TemporaryDirectory(prefix="sightline-training-") as name:
        folder = Path(name)
        stack = asyncio.run(whole.measured(folder, rounds, sizes[0], calls, seed, progress))
        made = _made(sizes, seed)
        weights, training, changed = _trained(made, rounds, progress)
        kept = _kept(folder, stack["checkpoint"], seed, rounds, progress)
        serving = _served(weights, sizes[0], rounds, calls, seed, progress)
    every = {**training, **kept, **stack["figures"]}
    return {"training": training, "checkpoint": kept, "serving": serving,
            "stack": {**stack["figures"], **stack["calls"]},
            "largest_weights_bytes": max(one["bytes"] for one in every.values()),
            "changed": changed + len(stack["digests"]) - 1, "rounds": rounds, "seed": seed,
            "confidence": "95 % bootstrap over n, over rounds for the CPU time of calls of the stack"}


def _made(sizes: tuple[int, int], seed: int) -> dict[str, tuple[int, Make]]:
    """What is made → of how many rows, and how."""
    few, many, more = rows(sizes[0], seed), rows(sizes[1], seed), rows(sizes[0], seed, "more")
    drawn, marked = _corpus("characters"), _corpus("safety")
    base = text.train(few)
    return {f"model, {sizes[0]:,} rows": (len(few), lambda: text.train(few)),
            f"model, {sizes[1]:,} rows": (len(many), lambda: text.train(many)),
            f"fine-tune, {sizes[0]:,} rows more": (len(more), lambda: text.tune(base, more)),
            f"retrieval index, {sizes[0]:,} rows": (len(few), lambda: lookup.train(few)),
            "embedder": (len(few), lambda: embedding.train(few)),
            "reader of signs": (len(drawn), lambda: glyphs.train(drawn)),
            "safety classifier": (len(marked), lambda: safety.train(marked))}


def _corpus(name: str) -> list[tuple[str, str]]:
    path = f"corpus/{name}.tsv"
    return parse_corpus(corpus_files()[path], path)


def _trained(made: dict[str, tuple[int, Make]], rounds: int, progress: Progress
             ) -> tuple[dict[str, bytes], dict[str, Figures], int]:
    """The weights, the figures, and how often the weights were others."""
    weights = {name: _bytes(make) for name, (_, make) in made.items()}  # it warms up, too
    times, changed = {name: Times() for name in made}, 0
    for number in range(1, rounds + 1):
        for name, (_, make) in made.items():
            progress(f"training: round {number} of {rounds}, {name}")
            changed += times[name].of(_bytes, make) != weights[name]
    return weights, {name: times[name].runs(rows=count, bytes=len(weights[name]))
                     for name, (count, _) in made.items()}, changed


def _bytes(make: Make) -> bytes:
    return make().dumps()


def _kept(folder: Path, checkpoint: str, seed: int, rounds: int, progress: Progress) -> dict[str, Figures]:
    """A checkpoint of the stack's, written again elsewhere and opened there."""
    signer = Signer(str(seed), checkpoints.SIGNER)
    keys = {checkpoints.SIGNER: signer.public_key}
    weights_at, manifest_at = checkpoints.weights_path(checkpoint), checkpoints.manifest_path(checkpoint)
    there, store = LocalStore(folder / "data", Untapped()), LocalStore(folder / "again", Untapped())
    weights, manifest = there.read(weights_at), there.read(manifest_at)
    made = checkpoints.opened(manifest, keys, checkpoint)

    def write() -> None:
        store.write(weights_at, weights)
        store.write(manifest_at, dsse.sealed(made.statement(**made.executed), signer.attest, checkpoints.SIGNER))

    def verified() -> Any:
        found = checkpoints.opened(store.read(manifest_at), keys, checkpoint)
        data = store.read(weights_at)
        if checkpoints.digest(data) != found.digest:
            raise ValueError("the weights are not those that were written")
        return KINDS[found.kind].loads(data)

    writing, opening = Times(), Times()
    for number in range(rounds + 1):
        progress(f"checkpoint: round {number} of {rounds}")
        (writing if number else Times()).of(write)
        (opening if number else Times()).of(verified)
    sizes = {"rows": made.rows, "bytes": len(weights), "manifest_bytes": len(manifest)}
    return {"written, with its signed manifest": writing.runs(**sizes), "opened and verified": opening.runs(**sizes)}


def _served(weights: dict[str, bytes], count: int, rounds: int, calls: int, seed: int, progress: Progress
            ) -> dict[str, Figures]:
    model = text.loads(weights[f"model, {count:,} rows"])
    embedder, reader = embedding.loads(weights["embedder"]), glyphs.loads(weights["reader of signs"])
    chance = keyed(seed, "bench training")
    texts = [f"{chance.choice(_SIGNS)} {chance.randrange(1, 100)}" for _ in range(PHOTOS)]
    photos = [(draw(PLACES[number % len(PLACES)], seed, "bench", number, sign=text), text)
              for number, text in enumerate(texts)]
    learnt = rows(count, seed)
    items = [EmbedItem(text=question) for question, _ in learnt]
    batch = EmbedRequest(items=list(islice(cycle(items), BATCH)))
    # What is called, with which of these in turn; whether it did what it should.
    done: dict[str, tuple[Iterator[Any], Callable[[Any], bool]]] = {
        "answer": (cycle(learnt), lambda row: bool(model.answer(row[0]) == row[1])),
        "vector": (cycle([EmbedRequest(items=[item]) for item in items]),
                   lambda request: len(embed.vectors(request, embedder)) == 1),
        f"{BATCH} vectors": (cycle([batch]), lambda request: len(embed.vectors(request, embedder)) == BATCH),
        "sign": (cycle(photos), lambda photo: signs.read(photo[0], reader) == photo[1])}
    times, wrong = {name: Times() for name in done}, dict.fromkeys(done, 0)
    for number in range(rounds + 1):
        progress(f"serving: round {number} of {rounds}")
        for name, (given, act) in done.items():
            for one in islice(given, calls):
                right = (times[name] if number else Times()).of(act, one)
                wrong[name] += bool(number) and not right
    return {name: times[name].calls(wrong=wrong[name]) for name in done}
