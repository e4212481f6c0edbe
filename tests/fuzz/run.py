"""Run one fuzz target for as long as wanted: `python tests/fuzz/run.py TARGET --seconds 3600`.

With atheris installed the fuzzer sees which lines an input reaches, and looks for others (libFuzzer); without it, or
with `--mutations`, inputs are mutations of the corpus. Either stops at the first finding, with the input in the folder
named by `--findings`, and exits with another status than 0.
"""

import argparse
import logging
import resource
import signal
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]

try:
    import atheris
except ImportError:
    atheris = None

if atheris is not None and "--mutations" not in sys.argv:
    with atheris.instrument_imports(include=["vna", "storage_backends"], enable_loader_override=False):
        from fuzz.targets import TARGETS
else:
    from fuzz.targets import TARGETS

from fuzz.mutating import mutated  # noqa: E402 - not before the path is set

_LONGEST_RUN_S = 10
_MEMORY_BYTES = 2 * 2**30


def main() -> None:
    """Run the target that the command line names, or every one in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=[*TARGETS, "all"])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--findings", type=Path, default=Path("findings"))
    parser.add_argument("--mutations", action="store_true", help="no atheris")
    asked = parser.parse_args()
    asked.findings.mkdir(parents=True, exist_ok=True)
    logging.getLogger("vna").propagate = False
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    names = list(TARGETS) if asked.target == "all" else [asked.target]
    if atheris is not None and not asked.mutations and len(names) == 1:
        _with_coverage(names[0], asked)
    for name in names:
        _with_mutations(name, asked)


def _with_coverage(name: str, asked: argparse.Namespace) -> None:
    """Hand over to libFuzzer, which ends the process."""
    target = TARGETS[name]
    corpus = asked.findings / f"{name}-corpus"
    corpus.mkdir(exist_ok=True)
    for number, data in enumerate(target.corpus()):
        (corpus / f"{number:03}").write_bytes(data[: target.longest])
    options = {
        "max_total_time": asked.seconds,
        "max_len": target.longest,
        "timeout": _LONGEST_RUN_S,
        "seed": asked.seed,
        "rss_limit_mb": _MEMORY_BYTES >> 20,
        "artifact_prefix": f"{asked.findings}/{name}-",
        "print_final_stats": 1,
    }
    atheris.Setup([sys.argv[0], *(f"-{key}={value}" for key, value in options.items()), str(corpus)], target.run)
    atheris.Fuzz()


def _with_mutations(name: str, asked: argparse.Namespace) -> None:
    target = TARGETS[name]
    corpus = list(target.corpus())
    until, count = time.monotonic() + asked.seconds, 0
    signal.signal(signal.SIGALRM, _too_long)
    for data in (
        each for group in (corpus, mutated(corpus, seed=asked.seed, longest=target.longest)) for each in group
    ):
        if time.monotonic() > until:
            break
        signal.alarm(_LONGEST_RUN_S)
        try:
            target.run(data)
        except BaseException:
            file = asked.findings / f"{name}-{count}"
            file.write_bytes(data)
            sys.stderr.write(f"{name}: finding after {count} runs, its input is {file}\n")
            raise
        count += 1
    signal.alarm(0)
    sys.stdout.write(f"{name}: {count} runs in {asked.seconds} s, no finding\n")


def _too_long(_number: int, _frame: object) -> None:
    raise TimeoutError(f"an input takes more than {_LONGEST_RUN_S} s")


if __name__ == "__main__":
    main()
