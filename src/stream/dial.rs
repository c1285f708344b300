//! From an endpoint to a connected stream: Happy Eyeballs over all addresses of a name (RFC 8305).
//!
//! Both families are tried, the system's preference first; the next attempt starts 250 ms after the last, or at
//! once when one fails. Refuses to give up in silence: when none succeeds, every attempt is in the error.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::route::{Route, name_of_host};
use super::starttls::{self, StartTls};
use super::tls::{Failed, ReadyClient, Tls};
use super::{Readiness, Remote, Stream};
use crate::address::{Endpoint, HostPort, Port, UnixName};
use crate::deadline::{Bound, Deadline};
use crate::error::{Error, Kind};
use crate::event::account::Opening;
use crate::event::tls::Handshake;
use crate::event::{Event, Open};
use crate::net::resolve::{Lookup, literal, resolve};
use crate::net::socket::Progress;
use crate::net::{Context, Cut, Socket, SocketConfig, SocketName};
use crate::sys::poll::Interest;

/// RFC 8305 §5: the Connection Attempt Delay that it recommends.
const STAGGER: Duration = Duration::from_millis(250);

/// A UNIX listener with a full backlog tells nobody when it has room: it is asked again this often.
const BACKLOG_PAUSE: Duration = Duration::from_millis(10);

/// So many names or ports are tried side by side: enough that silent ones do not add up, too few to be a flood.
const AT_ONCE: usize = 64;

/// The first pause of `--retry-for`, and the longest.
pub const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// How to connect.
#[derive(Clone, Debug)]
pub struct Dial {
    /// How names are looked up.
    pub lookup: Lookup,
    /// The options of the socket.
    pub config: SocketConfig,
    /// The limit over lookup and all attempts.
    pub limit: Option<Bound>,
    /// Keep trying for this long.
    pub retry_for: Option<Duration>,
}

/// Connects to `endpoint`.
pub fn connect(ctx: &Context<'_>, endpoint: &Endpoint, how: &Dial) -> Result<Stream, Error> {
    retrying(ctx, how, |limit| once(ctx, endpoint, how, limit))
}

/// One try at `endpoint`, under `limit`.
pub(super) fn once(ctx: &Context<'_>, endpoint: &Endpoint, how: &Dial, limit: Deadline) -> Result<Stream, Error> {
    match endpoint {
        Endpoint::Inet(target) => connect_host(ctx, target, how, limit),
        Endpoint::Unix(name) => connect_unix(ctx, name, how, limit),
    }
}

/// Tries again, with pauses that grow, until the time of `--retry-for` is over; then the last error counts.
pub(super) fn retrying(
    ctx: &Context<'_>,
    how: &Dial,
    attempt: impl Fn(Deadline) -> Result<Stream, Error>,
) -> Result<Stream, Error> {
    let start = Instant::now();
    let mut pause = BACKOFF.0;
    loop {
        let error = match attempt(Deadline::starting_now(how.limit)) {
            Ok(stream) => return Ok(stream),
            Err(error) => error,
        };
        let Some(patience) = how.retry_for.filter(|_| may_come_up(&error)) else { return Err(error) };
        let left = patience.saturating_sub(start.elapsed());
        if left.is_zero() || ctx.deadline.expired().is_some() {
            return Err(error);
        }
        let pause_now = pause.min(left);
        ctx.tell(&Event::Open(Open::Retrying(&error, pause_now)));
        ctx.pause(pause_now, Deadline::NEVER).map_err(|cut| cut.during("connect", ""))?;
        pause = (pause * 2).min(BACKOFF.1);
    }
}

/// A service that is not there yet looks like this; a usage error stays one however often it is tried.
pub fn may_come_up(error: &Error) -> bool {
    matches!(error.kind, Kind::Refused | Kind::TimedOut | Kind::NameUnknown | Kind::ProxyUnknown)
}

fn connect_host(ctx: &Context<'_>, target: &HostPort, how: &Dial, limit: Deadline) -> Result<Stream, Error> {
    let start = Instant::now();
    let addresses = resolve(ctx, target, how.lookup, limit)?;
    let is_numeric = target.host.is_numeric() && matches!(target.port, Port::Number(_));
    let resolve = (!is_numeric).then(|| start.elapsed());
    let start = Instant::now();
    let mut stream = race(ctx, target, &addresses, how, limit)?;
    if let Stream::Socket(remote) = &mut stream {
        // The user waited for the whole race, not for the winner's attempt alone.
        remote.opening = Opening { resolve, connect: Some(start.elapsed()), tls: None };
    }
    Ok(stream)
}

fn connect_unix(ctx: &Context<'_>, name: &UnixName, how: &Dial, limit: Deadline) -> Result<Stream, Error> {
    let start = Instant::now();
    ctx.tell(&Event::Open(Open::Connecting(name)));
    let (socket, mut progress) = Socket::connect_unix(ctx, name, &how.config)?;
    while progress == Progress::Pending {
        ctx.pause(BACKLOG_PAUSE, limit).map_err(|cut| cut.during("connect to", name))?;
        progress = socket.retry_unix(name)?;
    }
    let peer = SocketName::Unix(Some(name.clone()));
    Ok(connected(ctx, socket, peer, start.elapsed()))
}

fn connected(ctx: &Context<'_>, socket: Socket, peer: SocketName, took: Duration) -> Stream {
    let remote = Remote::new(socket, peer, Opening { resolve: None, connect: Some(took), tls: None });
    let local = remote.local_name();
    ctx.tell(&Event::Open(Open::Connected(&local, &remote.peer, took)));
    Stream::Socket(remote)
}

/// One race, to its end.
fn race(
    ctx: &Context<'_>,
    subject: &HostPort,
    addresses: &[SocketAddr],
    how: &Dial,
    limit: Deadline,
) -> Result<Stream, Error> {
    let mut race = Race::new(subject.clone(), addresses, how)?;
    race.limit = limit;
    let mut result = None;
    run_all(ctx, vec![race], &mut |_, outcome| {
        result = Some(outcome.map(|won| won.stream).map_err(|lost| lost.error));
        Ok(())
    })?;
    result.unwrap_or_else(|| Err(Error::new(Kind::Refused, "connect to", subject, "no address to try")))
}

/// Runs races side by side, a bounded number at a time; `over` is told the place of each in the list and how it ended.
pub fn run_all(
    ctx: &Context<'_>,
    races: Vec<Race<'_>>,
    over: &mut dyn FnMut(usize, Outcome) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut waiting: VecDeque<_> = races.into_iter().enumerate().collect();
    let mut active: Vec<(usize, Race<'_>)> = Vec::new();
    loop {
        while active.len() < AT_ONCE {
            let Some((place, mut race)) = waiting.pop_front() else { break };
            race.begin();
            active.push((place, race));
        }
        step(active.iter_mut(), |race| race.start_due(ctx), over)?;
        active.retain(|(_, race)| !race.over);
        if active.is_empty() && waiting.is_empty() {
            return Ok(());
        }
        match wait(ctx, &mut active) {
            Ok(()) => step(active.iter_mut(), |race| race.collect(ctx), over)?,
            Err(cut @ Cut::Signal(_)) => return Err(cut.during("connect", "")),
            Err(cut) => {
                return active
                    .iter()
                    .chain(&waiting)
                    .try_for_each(|(place, race)| over(*place, Err(race.given_up(ctx, cut))));
            }
        }
        active.retain(|(_, race)| !race.over);
    }
}

/// Does one step in each race, and tells of those that it ended.
fn step<'r, 'a: 'r>(
    active: impl Iterator<Item = &'r mut (usize, Race<'a>)>,
    advance: impl Fn(&mut Race<'a>) -> Option<Outcome>,
    over: &mut dyn FnMut(usize, Outcome) -> Result<(), Error>,
) -> Result<(), Error> {
    for (place, race) in active {
        if let Some(outcome) = advance(race) {
            race.over = true;
            over(*place, outcome)?;
        }
    }
    Ok(())
}

/// Waits until some attempt of some race is decided, may start or is out of time; marks the decided ones.
fn wait(ctx: &Context<'_>, active: &mut [(usize, Race<'_>)]) -> Result<(), Cut> {
    let pause = active.iter().filter_map(|(_, race)| race.next_look()).min();
    let sockets = active.iter().flat_map(|(_, race)| &race.pending);
    let mut interests: Vec<_> = sockets.map(|a| Interest::write(a.socket.as_fd())).collect();
    // Behind those of the attempts, whose places are looked up below.
    interests.extend(active.iter().filter_map(|(_, race)| race.shaking.as_ref()).flat_map(Shaking::interests));
    let asking = active.iter().filter_map(|(_, race)| race.asking.as_ref());
    interests.extend(asking.filter_map(|asking| asking.dialogue.waits_for(&asking.won.stream).interest()));
    match pause {
        _ if interests.is_empty() => return Ok(()),
        Some(pause) => ctx.wait_at_most(&mut interests, Deadline::NEVER, pause).map(|_| ())?,
        None => ctx.wait(&mut interests, Deadline::NEVER)?,
    }
    let answers: Vec<_> = interests.iter().map(|i| i.ready.write).collect();
    let attempts = active.iter_mut().flat_map(|(_, race)| &mut race.pending);
    attempts.zip(answers).for_each(|(attempt, ready)| attempt.decided = ready);
    Ok(())
}

/// A fixed source address leaves only the peers of its own family.
pub fn of_source_family(addresses: &[SocketAddr], config: &SocketConfig) -> Result<Vec<SocketAddr>, Error> {
    let Some(source) = config.source.as_ref().map(literal).transpose()?.flatten() else {
        return Ok(addresses.to_vec());
    };
    let same: Vec<_> = addresses.iter().copied().filter(|a| a.is_ipv4() == source.is_ipv4()).collect();
    if same.is_empty() {
        return Err(Error::usage(format!("--source {} is of another family than the peer", source.ip())));
    }
    Ok(same)
}

/// RFC 8305 §4: families take turns, the preferred one first, so that one dead family costs one stagger.
fn interleave(addresses: &[SocketAddr]) -> VecDeque<SocketAddr> {
    let Some(first) = addresses.first() else { return VecDeque::new() };
    let same_family = |a: &&SocketAddr| a.is_ipv4() == first.is_ipv4();
    let mut preferred = addresses.iter().filter(same_family);
    let mut other = addresses.iter().filter(|a| !same_family(a));
    let mut turns = VecDeque::with_capacity(addresses.len());
    while turns.len() < addresses.len() {
        turns.extend(preferred.next());
        turns.extend(other.next());
    }
    turns
}

/// One connection attempt that is under way.
struct Attempt {
    socket: Socket,
    peer: SocketAddr,
    start: Instant,
    decided: bool,
}

/// A connection and how long its own attempt took.
pub struct Won {
    /// The connection.
    pub stream: Stream,
    /// From the attempt's first packet on.
    pub took: Duration,
}

/// Why a race was lost.
pub struct Lost {
    /// Why.
    pub error: Error,
    /// What a peer had shown whose handshake failed.
    pub handshake: Option<Box<Handshake>>,
}

impl From<Error> for Lost {
    fn from(error: Error) -> Self {
        Lost { error, handshake: None }
    }
}

impl From<Failed> for Lost {
    fn from(Failed { error, handshake }: Failed) -> Self {
        Lost { error, handshake }
    }
}

/// How a race ended.
pub type Outcome = Result<Won, Lost>;

/// The agreement in plain text on the connection that has won.
struct Asking {
    dialogue: starttls::Dialogue,
    won: Won,
}

/// The handshake on the connection that has won.
struct Shaking<'a> {
    client: &'a ReadyClient,
    tls: Box<Tls>,
    took: Duration,
}

/// All attempts at one name.
pub struct Race<'a> {
    subject: HostPort,
    how: &'a Dial,
    limit: Deadline,
    queue: VecDeque<SocketAddr>,
    pending: Vec<Attempt>,
    failures: Vec<Error>,
    /// When the next attempt may start; a failure makes it now.
    next_start: Instant,
    /// What is to be wrapped around the connection that wins, under the same limit.
    starttls: Option<&'a StartTls>,
    wrap: Option<&'a ReadyClient>,
    asking: Option<Asking>,
    shaking: Option<Shaking<'a>>,
    over: bool,
}

impl<'a> Race<'a> {
    /// A race over `addresses` of `subject`, under the limit of `how`.
    pub fn new(subject: HostPort, addresses: &[SocketAddr], how: &'a Dial) -> Result<Self, Error> {
        let queue = interleave(&of_source_family(addresses, &how.config)?);
        let now = Instant::now();
        Ok(Race {
            subject,
            how,
            limit: Deadline::NEVER,
            queue,
            pending: Vec::new(),
            failures: Vec::new(),
            next_start: now,
            starttls: None,
            wrap: None,
            asking: None,
            shaking: None,
            over: false,
        })
    }

    /// The same with the wraps of `route` around the connection that wins.
    #[must_use]
    pub fn wrapped_by(self, route: &'a Route) -> Self {
        Race { starttls: route.starttls.as_ref(), wrap: route.tls.as_ref(), ..self }
    }

    /// The clock starts to run, unless somebody else's runs already.
    fn begin(&mut self) {
        if self.limit.left().is_none() {
            self.limit = Deadline::starting_now(self.how.limit);
        }
    }

    /// How long until something must be done although no socket is ready.
    fn next_look(&self) -> Option<Duration> {
        let stagger = self.next_start.saturating_duration_since(Instant::now());
        let stagger = (!self.queue.is_empty()).then_some(stagger);
        [stagger, self.limit.left()].into_iter().flatten().min()
    }

    /// Starts the attempts that are due. Gives the outcome if that decides the race.
    fn start_due(&mut self, ctx: &Context<'_>) -> Option<Outcome> {
        if self.asking.is_some() || self.shaking.is_some() {
            return None;
        }
        while Instant::now() >= self.next_start || self.pending.is_empty() {
            let Some(peer) = self.queue.pop_front() else { break };
            match self.start(ctx, peer) {
                Ok(Some(won)) => return self.decided(ctx, won),
                Ok(None) => self.next_start = Instant::now() + STAGGER,
                Err(error) => self.fail(ctx, peer, error),
            }
        }
        if self.pending.is_empty() { Some(Err(self.lost(None).into())) } else { None }
    }

    /// A connection has won: that is the end, or the beginning of its wraps.
    fn decided(&mut self, ctx: &Context<'_>, won: Won) -> Option<Outcome> {
        self.queue.clear();
        self.pending.clear();
        let Some(starttls) = self.starttls else { return self.encrypt(ctx, won) };
        let dialogue = starttls.begin(ctx, &won.stream, &name_of_host(&self.subject.host));
        self.asking = Some(Asking { dialogue, won });
        self.ask(ctx)
    }

    /// Goes on with the agreement in plain text. Gives the outcome if that, or the limit, decides it.
    fn ask(&mut self, ctx: &Context<'_>) -> Option<Outcome> {
        let mut asking = self.asking.take()?;
        match (asking.dialogue.advance(ctx, &mut asking.won.stream), self.limit.expired()) {
            (Ok(true), _) => return self.encrypt(ctx, asking.won),
            (Err(error), _) => return Some(Err(error.into())),
            (Ok(false), Some(late)) => return Some(Err(asking.cut_short(Cut::Expired(late)))),
            (Ok(false), None) => self.asking = Some(asking),
        }
        None
    }

    /// The connection stands: that is the end, or the beginning of its handshake.
    fn encrypt(&mut self, ctx: &Context<'_>, won: Won) -> Option<Outcome> {
        let Some(client) = self.wrap else { return Some(Ok(won)) };
        let Won { stream, took } = won;
        match client.begin(ctx, stream, &name_of_host(&self.subject.host)) {
            Ok(tls) => self.shaking = Some(Shaking { client, tls, took }),
            Err(error) => return Some(Err(error.into())),
        }
        self.shake(ctx)
    }

    /// Goes on with the handshake. Gives the outcome if that, or the limit, decides it.
    fn shake(&mut self, ctx: &Context<'_>) -> Option<Outcome> {
        let mut shaking = self.shaking.take()?;
        match (shaking.client.advance(ctx, &mut shaking.tls), self.limit.expired()) {
            (Ok(true), _) => return Some(Ok(Won { stream: Stream::Tls(shaking.tls), took: shaking.took })),
            (Err(failed), _) => return Some(Err(failed.into())),
            (Ok(false), Some(late)) => return Some(Err(shaking.cut_short(ctx, Cut::Expired(late)))),
            (Ok(false), None) => self.shaking = Some(shaking),
        }
        None
    }

    /// Starts the attempt at `peer`; on a loopback it may be over at once.
    fn start(&mut self, ctx: &Context<'_>, peer: SocketAddr) -> Result<Option<Won>, Error> {
        let start = Instant::now();
        ctx.tell(&Event::Open(Open::Connecting(&peer)));
        let (socket, progress) = Socket::connect_inet(ctx, peer, &self.how.config)?;
        let attempt = Attempt { socket, peer, start, decided: false };
        if progress == Progress::Connected {
            return won(ctx, attempt).map(Some);
        }
        self.pending.push(attempt);
        Ok(None)
    }

    /// Takes the decided attempts out of the race. Gives the outcome if one of them, or the limit, decides it.
    fn collect(&mut self, ctx: &Context<'_>) -> Option<Outcome> {
        if self.asking.is_some() {
            return self.ask(ctx);
        }
        if self.shaking.is_some() {
            return self.shake(ctx);
        }
        for attempt in std::mem::take(&mut self.pending) {
            let peer = attempt.peer;
            let progress = if attempt.decided { attempt.socket.finish_connect(peer) } else { Ok(Progress::Pending) };
            match progress {
                Ok(Progress::Pending) => self.pending.push(attempt),
                Ok(Progress::Connected) => match won(ctx, attempt) {
                    Ok(won) => return self.decided(ctx, won),
                    Err(error) => self.fail(ctx, peer, error),
                },
                Err(error) => self.fail(ctx, peer, error),
            }
        }
        self.limit.expired().map(|expired| Err(self.lost(Some(Cut::Expired(expired))).into()))
    }

    fn fail(&mut self, ctx: &Context<'_>, peer: SocketAddr, error: Error) {
        if !self.queue.is_empty() || !self.pending.is_empty() || !self.failures.is_empty() {
            ctx.tell(&Event::Open(Open::AttemptFailed(&peer, &error.reason)));
        }
        self.next_start = Instant::now();
        self.failures.push(error);
    }

    /// What a race has come to that nobody waits for any longer.
    fn given_up(&self, ctx: &Context<'_>, cut: Cut) -> Lost {
        match (&self.asking, &self.shaking) {
            (Some(asking), _) => asking.cut_short(cut),
            (None, Some(shaking)) => shaking.cut_short(ctx, cut),
            (None, None) => self.lost(Some(cut)).into(),
        }
    }

    /// The error of the whole race: the only attempt's own, or all of them listed.
    fn lost(&self, cut: Option<Cut>) -> Error {
        match (cut, self.failures.as_slice(), self.pending.as_slice()) {
            (Some(cut), [], [only]) if self.queue.is_empty() => cut.during("connect to", only.peer),
            (Some(cut), ..) => self.cut_short(cut.during("connect to", &self.subject)),
            (None, [], _) => Error::new(Kind::Refused, "connect to", &self.subject, "no address to try"),
            (None, [only], _) => only.clone(),
            (None, failures, _) => {
                let all: Vec<_> = failures.iter().map(attempt_line).collect();
                let error = Error::new(common_kind(failures), "connect to", &self.subject, all.join(", "));
                Error { hint: failures.iter().find_map(|f| f.hint.clone()), ..error }
            }
        }
    }

    /// A limit passed: what each address had come to by then.
    fn cut_short(&self, error: Error) -> Error {
        let pending = self.pending.iter().map(|a| format!("{}: no answer", a.peer));
        let waiting = self.queue.iter().map(|peer| format!("{peer}: not tried"));
        let all: Vec<_> = self.failures.iter().map(attempt_line).chain(pending).chain(waiting).collect();
        Error { reason: format!("{} ({})", error.reason, all.join(", ")), ..error }
    }
}

impl Asking {
    fn cut_short(&self, cut: Cut) -> Lost {
        self.dialogue.cut_short(&self.won.stream, cut).into()
    }
}

impl Shaking<'_> {
    fn cut_short(&self, ctx: &Context<'_>, cut: Cut) -> Lost {
        self.client.cut_short(ctx, &self.tls, cut).into()
    }

    /// What the handshake waits for.
    fn interests(&self) -> impl Iterator<Item = Interest<'_>> {
        let under = self.tls.under();
        let read = self.tls.is_handshaking().then(|| under.read_interest());
        let write = self.tls.wants_flush().then(|| under.write_interest());
        [read, write].into_iter().flatten().filter_map(Readiness::interest)
    }
}

/// A port of our own range can connect to itself while nobody listens there (simultaneous open, RFC 9293 §3.5).
fn won(ctx: &Context<'_>, attempt: Attempt) -> Result<Won, Error> {
    let peer = SocketName::from(attempt.peer);
    if attempt.socket.local_name().is_ok_and(|local| local == peer) {
        return Err(Error::new(Kind::Refused, "connect to", peer, "connection refused (it met only itself)"));
    }
    let took = attempt.start.elapsed();
    Ok(Won { stream: connected(ctx, attempt.socket, peer, took), took })
}

fn attempt_line(error: &Error) -> String {
    format!("{}: {}", error.subject, error.reason)
}

/// The attempts' own kind where they agree; otherwise nobody answered, or somebody refused.
fn common_kind(failures: &[Error]) -> Kind {
    let all = |kind| failures.iter().all(|f| f.kind == kind);
    [Kind::Bind, Kind::TimedOut].into_iter().find(|&kind| all(kind)).unwrap_or(Kind::Refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(addresses: &[&str]) -> Vec<String> {
        let parsed: Vec<SocketAddr> = addresses.iter().map(|a| a.parse().expect("a literal of this test")).collect();
        interleave(&parsed).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn families_take_turns_and_the_preferred_one_begins() {
        assert!(turns(&[]).is_empty());
        assert_eq!(turns(&["1.1.1.1:1", "2.2.2.2:1"]), ["1.1.1.1:1", "2.2.2.2:1"]);
        assert_eq!(
            turns(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"]),
            ["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"]
        );
        assert_eq!(turns(&["1.1.1.1:1", "2.2.2.2:1", "[::1]:1"]), ["1.1.1.1:1", "[::1]:1", "2.2.2.2:1"]);
    }

    #[test]
    fn the_kind_of_a_lost_race_is_what_the_attempts_share() {
        let error = |kind| Error::new(kind, "connect to", "x", "y");
        assert_eq!(common_kind(&[error(Kind::Bind), error(Kind::Bind)]), Kind::Bind);
        assert_eq!(common_kind(&[error(Kind::TimedOut), error(Kind::TimedOut)]), Kind::TimedOut);
        assert_eq!(common_kind(&[error(Kind::TimedOut), error(Kind::Refused)]), Kind::Refused);
    }
}
