"""Counts the functions of alert_router that one action runs through: how far its reader must follow.

A function is Python code in alert_router/ that runs; comprehensions, lambdas and generator expressions count
too, the blocks of a card's template do not.
It counts once, however often it is called: a reader reads it once. A move is a call from a function of one
module to a function of another; each of them counts. A call by a library (of a route handler, a validator,
a column type) is no move.
"""

import contextlib
import inspect
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import sqlalchemy as sa

import alert_router

RESUMABLE = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
PACKAGE = str(Path(alert_router.__file__).parent) + "/"


@dataclass(frozen=True, slots=True)
class Function:
    module: str
    """The file below alert_router/."""
    name: str
    line: int

    def __str__(self) -> str:
        return f"{self.module}:{self.line} {self.name}"


@dataclass(slots=True)
class CallProfile:
    functions: dict[Function, None] = field(default_factory=dict)
    """In the order of their first call."""
    moves: list[tuple[Function, Function]] = field(default_factory=list)
    """Caller and callee."""
    _counting: bool = False
    _generators: set[FrameType] = field(default_factory=set)

    @contextlib.contextmanager
    def counting(self, *, until_commit_of: sa.Engine | None = None) -> Iterator[None]:
        """Count anew, until the block ends or, if that comes first, the next COMMIT of the engine."""
        self.functions.clear()
        self.moves.clear()
        self._generators.clear()
        self._counting = True
        if until_commit_of is not None:
            sa.event.listen(until_commit_of, "commit", self._stop, once=True)
        try:
            yield
        finally:
            self._counting = False

    def describe(self) -> str:
        """Every function and every move on a line of its own."""
        moves = [f"{caller} -> {callee}" for caller, callee in self.moves]
        return "\n".join([*map(str, self.functions), "moves:", *moves])

    def _stop(self, _conn: sa.Connection) -> None:
        self._counting = False

    def _resumes(self, frame: FrameType) -> bool:
        """Whether the event is the resumption of a generator or a coroutine: it has been called before."""
        if not frame.f_code.co_flags & RESUMABLE:
            return False
        resumes = frame in self._generators
        self._generators.add(frame)
        return resumes

    def _hook(self, frame: FrameType, event: str, _arg: Any) -> None:
        if not self._counting or event != "call" or not _is_counted(frame.f_code) or self._resumes(frame):
            return
        callee = _function(frame.f_code)
        self.functions[callee] = None
        caller = _caller(frame)
        if caller is not None and caller.module != callee.module:
            self.moves.append((caller, callee))


@contextlib.contextmanager
def installed() -> Iterator[CallProfile]:
    """A profile of this thread and of the threads that start inside the block."""
    profile = CallProfile()
    threading.setprofile(profile._hook)
    sys.setprofile(profile._hook)
    try:
        yield profile
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def _is_counted(code: CodeType) -> bool:
    return code.co_filename.startswith(PACKAGE) and code.co_filename.endswith(".py")


def _function(code: CodeType) -> Function:
    return Function(code.co_filename.removeprefix(PACKAGE), code.co_qualname, code.co_firstlineno)


def _caller(frame: FrameType) -> Function | None:
    """None when a library calls; a `with` of a context manager is a call like any other."""
    caller = frame.f_back
    while caller is not None and caller.f_code.co_filename == contextlib.__file__:
        caller = caller.f_back
    return _function(caller.f_code) if caller is not None and _is_counted(caller.f_code) else None
