"""Arguments that several commands share, and the checks of paths that need no reading."""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from instances import Instance
    from optimizer.plan import Incumbent

Number = TypeVar("Number", int, float)
Commands = Any  # argparse keeps the type of its list of commands to itself


class Usage(Exception):
    """A request that cannot be carried out as it stands; exit code 2."""


def positive(text: str) -> float:
    """A finite number above 0."""
    return _number(float, text, "a finite number above 0", lambda value: math.isfinite(value) and value > 0)


def not_negative(text: str) -> float:
    """A finite number of at least 0."""
    return _number(float, text, "a finite number of at least 0", lambda value: math.isfinite(value) and value >= 0)


def count(text: str) -> int:
    """A whole number of at least 1."""
    return _number(int, text, "a whole number of at least 1", lambda value: value >= 1)


def threads(text: str) -> int:
    """A whole number from 1 to 64, what every solver takes."""
    return _number(int, text, "a whole number from 1 to 64", lambda value: 1 <= value <= 64)


def whole(text: str) -> int:
    """A whole number from 0 to 2^31 - 1, what every solver takes."""
    return _number(int, text, f"a whole number from 0 to {2**31 - 1}", lambda value: 0 <= value < 2**31)


def path(text: str) -> str:
    """A path, or the name of a bundled instance."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty")
    return text


def _number(kind: Callable[[str], Number], text: str, words: str, good: Callable[[Number], bool]) -> Number:
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not good(value):
        raise argparse.ArgumentTypeError(f"{text} is not {words}")
    return value


OBJECTIVE = (
    "what is minimised, instead of the instance's: a name (cost, carbon, latency, shortfall, moves), names in order of "
    "priority (carbon,cost) or weights (cost=1,carbon=0.5)"
)


def objective(text: str) -> str | dict[str, float] | list[str]:
    """A name, names in order of priority, or weights by name."""
    from instances.objectives import as_written, objective_of

    parts = text.split(",")
    given: dict[str, float] | list[str] = parts
    if "=" in text:
        pairs = [part.partition("=") for part in parts]
        if len({name for name, _, _ in pairs}) < len(pairs):
            raise argparse.ArgumentTypeError(f"{text}: a name is given twice")
        given = {name: _number(float, weight, "a number", math.isfinite) for name, _, weight in pairs}
    try:
        return as_written(objective_of(given))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text}: {error}") from None


def add_command(commands: Commands, name: str, summary: str, run: Any) -> argparse.ArgumentParser:
    """A command with its own help; every command knows ``--json``."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=summary, allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="print the answer as one JSON object")
    parser.set_defaults(run=run)
    return parser


def add_instance(parser: argparse.ArgumentParser, **options: Any) -> None:
    """INSTANCE with ``--format`` and ``--placement``."""
    what = "a bundled name (hubplan list) or a path"
    parser.add_argument("instance", type=path, metavar="INSTANCE", help=what, **options)
    parser.add_argument("--format", metavar="F", help="format of the file, where the path does not tell")
    parser.add_argument("--placement", choices=("single", "split"), help="overrides the placement of all demands")


def add_incumbent(parser: argparse.ArgumentParser) -> None:
    """``--incumbent``: the plan in force."""
    text = "plan in force (plan, or CSV demand,hub[,share][,period]) that moves are measured against"
    parser.add_argument("--incumbent", type=path, metavar="PLAN|CSV", help=text)


def open_incumbent(instance: Instance, file: str | None) -> Incumbent | None:
    """The plan in force; names that the instance does not have are complained of. Raises Usage, InvalidPlan,
    InvalidPlacement."""
    if file is None:
        return None
    from optimizer.command_line.output import complain, plain
    from optimizer.incumbents import read_incumbent

    if not Path(file).is_dir():
        require_readable(Path(file))
    table, notes = read_incumbent(instance, file)
    for note in notes:
        complain(plain(f"warning: {note}"))
    return table


def require_readable(path: Path) -> None:
    """Raises Usage unless the path is a file that can be read."""
    if not path.is_file():
        raise Usage(f"{path} is not a file or folder that can be read")
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise Usage(f"cannot read {path}: {error.strerror}") from None


def open_given(arguments: argparse.Namespace) -> Instance:
    """The instance that the arguments name. Raises InvalidInstance."""
    from instances import open_instance

    return open_instance(arguments.instance, format=arguments.format, placement=arguments.placement)


def check_output(output: str | None, inputs: Sequence[str | None], *, main: str) -> None:
    """Refuses an output that cannot be written, or that would overwrite an input. Raises Usage.

    main: the file by which a folder that may be replaced is known. Done before any work, and by writing: permissions
    alone do not tell (root, read-only file systems).
    """
    if output is None:
        return
    try:
        _judge_output(Path(output), [Path(given) for given in inputs if given is not None], main)
        with tempfile.TemporaryFile(dir=Path(output).resolve().parent):
            pass
    except OSError as error:
        raise Usage(f"cannot write {output}: {error.strerror}") from None


def check_file(output: str | None, inputs: Sequence[str | None]) -> None:
    """Refuses an output file that cannot be written, is a folder, or would overwrite an input. Raises Usage."""
    if output is None:
        return
    target = Path(output)
    try:
        if any(given is not None and target.resolve() == Path(given).resolve() for given in inputs):
            raise Usage(f"the output {target} is an input too: choose another path")
        if target.exists() and not target.is_file():
            raise Usage(f"cannot write {target}: it is a folder or device")
        if not target.resolve().parent.is_dir():
            raise Usage(f"cannot write {target}: the folder {target.resolve().parent} does not exist")
        with tempfile.TemporaryFile(dir=target.resolve().parent):
            pass
    except OSError as error:
        raise Usage(f"cannot write {output}: {error.strerror}") from None


def _judge_output(target: Path, inputs: Sequence[Path], main: str) -> None:
    for given in inputs:
        if given.exists() and given.resolve().is_relative_to(target.resolve()):
            raise Usage(f"the output {target} is an input too: choose another path")
    if not target.resolve().parent.is_dir():
        raise Usage(f"cannot write {target}: the folder {target.resolve().parent} does not exist")
    if not target.exists():
        return
    if target.is_dir() == target.name.endswith((".json", ".json.gz")):
        kind = "a folder, but the name asks for a file" if target.is_dir() else "a file, but the name asks for a folder"
        raise Usage(f"cannot write {target}: it is {kind}")
    if target.is_dir() and any(target.iterdir()) and not (target / main).is_file():
        raise Usage(f"cannot write {target}: the folder holds something else (no {main})")
