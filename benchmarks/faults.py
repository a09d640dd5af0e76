"""Kill random processes at random moments, go on, and count what was lost or doubled.

    python benchmarks/faults.py [--kills 100] [--seed 0] [--home DIR] [--only KIND]

Real commands run in a home of their own: import, label (a teacher on a local server), train (a
two-layer student made on the fly), export, copies of the whole home, projects that are packed,
unpacked and duplicated, and a process that writes
people's decisions and says of each that it is stored. A random one gets SIGKILL after a random
time, itself or its group; what it left is compared with what must be there, and the next attempt
goes on from it. At the end all are brought to their end and the home is examined. The last line
says what was lost and what was doubled; the exit code is 1 unless both are 0.

Lost or doubled means: a decision that was said to be stored is gone, or is there twice; a kept
label is gone, or its text is asked about again; a project, an export or a run that is there is not
what an undisturbed one is, byte for byte (of a run: its student's weights and its step log); a
copy has a fault or lacks a decision, a project that moved is not the same, or half of one stays
beside a finished one.
"""

from __future__ import annotations

import argparse
import collections
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, not installed

from benchmarks.killing.backups import BackingUp  # noqa: E402
from benchmarks.killing.job_work import Exporting, Labeling, Training  # noqa: E402
from benchmarks.killing.moving import Moving  # noqa: E402
from benchmarks.killing.records import Editing, Importing  # noqa: E402
from benchmarks.killing.world import Scenario, World  # noqa: E402

SHARES = {"edit": 27, "label": 16, "import": 18, "export": 14, "train": 13, "backup": 12,
          "move": 12}  # fmt: skip
LINE = (
    "{number:>4}  {kind:<7} {after:>6.2f} s  {how:<8} {sentence:<58} lost {lost}, doubled {doubled}"
)


def schedule(kills: int, rng: random.Random) -> list[str]:
    """Which kind of work each kill hits: as SHARES says, each at least once, in random order."""
    total = sum(SHARES.values())
    kinds = [kind for kind, share in SHARES.items() for _ in range(max(1, share * kills // total))]
    kinds = kinds[:kills] if kills < len(SHARES) else kinds
    kinds += rng.choices(list(SHARES), list(SHARES.values()), k=max(0, kills - len(kinds)))
    rng.shuffle(kinds)
    return kinds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--home", help="a new folder to work in, kept afterwards [a temporary one]")
    parser.add_argument("--only", choices=SHARES, help="kill this kind of work alone")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    print(f"{arguments.kills} kills, seed {arguments.seed}", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(arguments.home or temporary)
        with World(folder, arguments.seed) as world:
            kinds = schedule(arguments.kills, rng)
            if arguments.only:
                kinds = [arguments.only] * arguments.kills
            return kill_and_count(world, kinds, rng)


def kill_and_count(world: World, kinds: list[str], rng: random.Random) -> int:
    began = time.monotonic()
    scenario_kinds: dict[str, type[Scenario]] = {
        "edit": Editing,
        "label": Labeling,
        "import": Importing,
        "export": Exporting,
        "train": Training,
        "backup": BackingUp,
        "move": Moving,
    }
    scenarios = {kind: scenario_kinds[kind](world) for kind in scenario_kinds if kind in kinds}
    totals = {kind: collections.Counter() for kind in scenarios}
    for number, kind in enumerate(kinds, start=1):
        blow = scenarios[kind].killed_once(rng)
        totals[kind].update(kills=1, lost=blow.lost, doubled=blow.doubled)
        print(LINE.format(number=number, kind=kind, **vars(blow)), flush=True)
    for kind, scenario in scenarios.items():
        blow = scenario.brought_to_its_end()
        totals[kind].update(finished=scenario.finished, lost=blow.lost, doubled=blow.doubled)
    print(f"\n{'work':<8}{'kills':>6}{'finished':>10}{'lost':>6}{'doubled':>9}")
    for kind, count in totals.items():
        print(
            f"{kind:<8}{count['kills']:>6}{count['finished']:>10}{count['lost']:>6}"
            f"{count['doubled']:>9}"
        )
    lost = sum(count["lost"] for count in totals.values())
    doubled = sum(count["doubled"] for count in totals.values())
    before, remaining = world.mended()
    for finding in remaining:
        print(f"remains: {finding.where}: {finding.what}")
    print(
        f"\nllkd doctor --mend: {before} leftovers of killed processes mended, "
        f"{len(remaining)} faults remain"
    )
    print(f"{(time.monotonic() - began) / 60:.1f} minutes")
    print(f"killed {len(kinds)} times: lost {lost}, doubled {doubled}")
    return 1 if lost or doubled or remaining else 0


if __name__ == "__main__":
    sys.exit(main())
