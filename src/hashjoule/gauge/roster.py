"""A run: all miners and their connections, from the first hello to the end of the count. No sockets, no clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hashjoule.gauge.account import Account, ends_run, is_idle
from hashjoule.gauge.book import HandedOut
from hashjoule.gauge.channel import Channel, GaugedMiner
from hashjoule.gauge.difficulty import FIRST_DIFFICULTY, LOWEST_DIFFICULTY, DifficultyControl
from hashjoule.gauge.session import Session
from hashjoule.gauge.work import extranonces

MOST_SESSIONS = 512
"""Connections at the same time; half of the files that a process may have open by default."""

MOST_MINERS = 512
"""Miners of one run, those that have left included."""

HELLO_S = 30.0
"""How long a connection may take to say its name."""

IDLE_S = 300.0
"""A miner without a share for so long does not hold up a run that waits for precision."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """When a run ends: after so many seconds of counting, or once every interval is narrow enough."""

    seconds: float | None = None
    precision: float | None = None
    """Half of the interval's width over the rate: 0.02 for 2 %."""


@dataclass
class Roster:
    """The miners of a run. Times are of a monotonic clock, in seconds."""

    ending: Ending
    difficulty: float | None = None
    """The difficulty that the user has fixed; None to search it."""
    miners: dict[tuple[str, str, str], GaugedMiner] = field(default_factory=dict)
    """By host, agent and worker."""
    sessions: dict[Session, None] = field(default_factory=dict)
    """In the order in which they came."""
    short_of_room: set[tuple[str, str]] = field(default_factory=set)
    """Hosts and agents that need a short extranonce2."""
    hung_up: list[str] = field(default_factory=list)
    """Why connections were closed, the first few."""
    begun_s: float | None = None
    """When the first count began; None while the run waits for a miner."""
    ended_s: float | None = None
    _next_extranonce: Callable[[], bytes] = field(default_factory=extranonces, repr=False)

    def connect(self, host: str, send: Callable[[bytes], None], now_s: float) -> tuple[Session | None, Session | None]:
        """Return a session for a new connection, and one to close for it if there are too many.

        The one to close is the oldest that has brought no share; if all have, the new one gets no session.
        """
        useless = None
        if len(self.sessions) >= MOST_SESSIONS:
            useless = next((session for session in self.sessions if not session.has_shares), None)
            if useless is None:
                return None, None
        session = Session(self, host, self._next_extranonce(), send, now_s)
        self.sessions[session] = None
        return session, useless

    def disconnect(self, session: Session) -> None:
        """Forget a session; its miner too, if it has delivered nothing."""
        self.sessions.pop(session, None)
        if not session.channel:
            return
        miner = self.miners[session.key]
        miner.leave(session.channel)
        session.channel = None
        if not miner.channels and miner.account.last_share_s is None:
            del self.miners[session.key]

    def join(self, session: Session, now_s: float) -> Channel | None:
        """Return the channel of a session whose miner has said its name; None if there is no room for another miner."""
        miner = self.miners.get(session.key)
        if miner is None:
            if len(self.miners) >= MOST_MINERS:
                return None
            miner = self.miners[session.key] = GaugedMiner(*session.key, account=Account(now_s))
        difficulty = max(self.difficulty or miner.difficulty or FIRST_DIFFICULTY, miner.limit or 0.0)
        floor = miner.limit or LOWEST_DIFFICULTY
        control = DifficultyControl(difficulty, now_s, fixed=self.difficulty is not None, floor=floor)
        channel = Channel(miner.account, control)
        miner.join(channel)
        return channel

    def ends_with_share(self, channel: Channel, handed: HandedOut, now_s: float) -> bool:
        """Whether the run is over with this verified share, which is then not counted (see `ends_run`)."""
        self._end_if_due(now_s)
        precision, account = self.ending.precision, channel.account
        if self.ended_s is None and precision is not None and handed.epoch == account.epoch:
            awaited = [m.account for m in self.miners.values() if m.account.last_share_s is not None]
            if ends_run(account, awaited, precision, now_s, IDLE_S):
                self.ended_s = now_s
        return self.ended_s is not None

    def tick(self, now_s: float) -> list[GaugedMiner]:
        """Bring the run up to date and hand out the jobs that are due; return the miners whose count begins now."""
        begun = []
        due: dict[Channel, bool] = {}
        for miner in self.miners.values():
            epoch = miner.account.epoch
            due |= dict(miner.advance(now_s))
            if miner.account.epoch != epoch:
                begun.append(miner)
        for session in self.sessions:
            if session.channel in due:
                session.hand_out(now_s, clean=due[session.channel])
        if begun and self.begun_s is None:
            self.begun_s = now_s
        self._end_if_due(now_s)
        return begun

    @property
    def any_share(self) -> bool:
        """Whether any miner has delivered a share that was right."""
        return any(miner.account.last_share_s is not None for miner in self.miners.values())

    def late(self, now_s: float) -> list[Session]:
        """Return the sessions that have not said their name in time."""
        return [session for session in self.sessions if not session.channel and now_s - session.began_s > HELLO_S]

    def _end_if_due(self, now_s: float) -> None:
        if self.begun_s is None or self.ended_s is not None:
            return
        if self.ending.seconds is None:
            if all(is_idle(miner.account, now_s, IDLE_S) for miner in self.miners.values()):
                self.ended_s = now_s
        elif now_s >= self.begun_s + self.ending.seconds:
            self.ended_s = self.begun_s + self.ending.seconds
