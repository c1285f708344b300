//! The largest datagram that goes through to a peer unfragmented.
//!
//! Owns the search: nobody may fragment (`IP_PMTUDISC_PROBE`), so that what is too large is refused by this host's
//! interface (`EMSGSIZE`), refused by a router that says so (RFC 1191, RFC 8201), or lost. Only an answer shows that one
//! has arrived (RFC 8899). Refuses to trust a router's word alone: the size that it names is tried.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::verdict::judge::{Ends, judge, no_way};
use super::verdict::{Addressed, patient_waits, refuse_groups};
use crate::deadline::Deadline;
use crate::error::{Error, Kind};
use crate::event::verdict::{Largest, SizeLimit, Verdict, Why};
use crate::event::{Datagram, Event};
use crate::net::datagram::{LARGEST_V4, LARGEST_V6};
use crate::net::prober::{Heard, Prober, Sending, What};
use crate::net::{Context, SocketConfig, SocketName};
use crate::sys::errors::{Origin, SocketError};

/// The smallest datagram that every IPv4 network must pass whole is 68 bytes (RFC 791); this is its payload.
const SMALLEST: usize = 40;

/// Payload to MTU: the headers of UDP and of IPv4 without options, or of IPv6 without extensions.
const HEADERS_V4: usize = 28;
const HEADERS_V6: usize = 48;

/// A size whose answer takes much longer than the first one's is lost; within these bounds of the first wait.
const WAIT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// An answer may only have been late: before silence has the last word it is given so many times as long.
const PATIENCE: u32 = 3;

/// A kernel without room tells nobody when it has some again: it is asked again this often.
const NO_ROOM_PAUSE: Duration = Duration::from_millis(5);

/// How the largest datagram is looked for.
#[derive(Clone, Debug)]
pub struct Hunt {
    /// How often each size is tried before it counts as lost, at least once.
    pub tries: u32,
    /// How long the first answer is waited for.
    pub limit: Option<Duration>,
    /// The options of the socket.
    pub config: SocketConfig,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The largest size.
    Largest(Largest),
    /// Nobody answers a small one either: what is known of each address.
    Nobody(Vec<Addressed>),
}

impl Hunt {
    /// Looks for the largest datagram to the first of `addresses` that answers.
    pub fn run(&self, ctx: &Context<'_>, addresses: &[SocketAddr]) -> Result<Found, Error> {
        let mut verdicts = Vec::new();
        for &address in addresses {
            refuse_groups(address.ip())?;
            match self.try_address(ctx, address)? {
                Ok(largest) => return Ok(Found::Largest(largest)),
                Err(verdict) => verdicts.push((canonical(address), verdict)),
            }
        }
        Ok(Found::Nobody(verdicts))
    }

    fn try_address(&self, ctx: &Context<'_>, peer: SocketAddr) -> Result<Result<Largest, Verdict>, Error> {
        let prober = match Prober::open(ctx, peer, &self.config) {
            Ok(prober) => prober,
            Err(e) if e.kind == Kind::NoSuchLocal && self.config.source.is_none() => {
                return Ok(Err(Verdict::NoRoute(Why::System(e.reason))));
            }
            Err(error) => return Err(error),
        };
        prober.never_fragment().map_err(|_| {
            Error::usage("--mtu can't be had here: this system can't forbid the fragmentation of a datagram")
        })?;
        let tags = RandomState::new();
        Scout { ctx, prober, peer, headers: headers(peer.ip()), tags, echoes: None }.run(self)
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn headers(ip: IpAddr) -> usize {
    if ip.to_canonical().is_ipv4() { HEADERS_V4 } else { HEADERS_V6 }
}

/// Sends datagrams of chosen sizes to one peer.
struct Scout<'a> {
    ctx: &'a Context<'a>,
    prober: Prober,
    peer: SocketAddr,
    headers: usize,
    /// Makes the first bytes of each size, which an echo gives back.
    tags: RandomState,
    /// The peer gives back what it gets: then an answer tells which size it is to. Known from the first one on.
    echoes: Option<bool>,
}

/// What became of one size.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    /// It was answered after this time.
    Passed(Duration),
    /// It is larger than the interface takes, whose MTU this is.
    Interface(Option<u32>),
    /// A router would have to fragment it, and names this MTU.
    Router(IpAddr, Option<u32>),
    /// Nothing came.
    Lost,
    /// Something else came.
    Other(Verdict),
}

impl Scout<'_> {
    fn run(mut self, hunt: &Hunt) -> Result<Result<Largest, Verdict>, Error> {
        let began = Instant::now();
        let waits = patient_waits(hunt.tries, hunt.limit);
        let took = match self.try_size(SMALLEST, &waits)? {
            Outcome::Passed(took) => took,
            Outcome::Other(verdict) => return Ok(Err(verdict)),
            _ => {
                let (asked, waited) = (waits.len(), began.elapsed());
                return Ok(Err(Verdict::Silent { asked, waited, cut: None }));
            }
        };
        let quick = shorter(&waits, took);
        let patient: Vec<_> = quick.iter().map(|wait| *wait * PATIENCE).collect();
        let largest = if self.headers == HEADERS_V4 { LARGEST_V4 } else { LARGEST_V6 };
        let mut search = Search::new(self.headers, SMALLEST, largest);
        loop {
            while let Some(size) = search.next() {
                match self.try_size(size, &quick)? {
                    Outcome::Other(verdict) => return Ok(Err(verdict)),
                    outcome => search.learn(size, &outcome),
                }
            }
            let Search { passes: payload, fails, limit, .. } = search;
            if limit == SizeLimit::Silence {
                match self.try_size(fails, &patient)? {
                    Outcome::Lost => self.confirm(payload, &patient)?,
                    Outcome::Other(verdict) => return Ok(Err(verdict)),
                    Outcome::Passed(_) => {
                        search = Search::new(self.headers, fails, largest);
                        continue;
                    }
                    outcome => {
                        search.learn(fails, &outcome);
                        continue;
                    }
                }
            }
            return Ok(Ok(Largest { peer: canonical(self.peer), payload, mtu: payload + self.headers, limit }));
        }
    }

    /// A peer that has stopped answering would pass for a way that carries little.
    fn confirm(&mut self, size: usize, waits: &[Duration]) -> Result<(), Error> {
        if let Outcome::Passed(_) = self.try_size(size, waits)? {
            return Ok(());
        }
        let peer = SocketName::from(self.peer);
        Err(Error::new(Kind::TimedOut, "find the MTU to", peer, "the peer has stopped answering"))
    }

    /// Sends `size` bytes once for each of `waits`, until something comes of it.
    fn try_size(&mut self, size: usize, waits: &[Duration]) -> Result<Outcome, Error> {
        let mut datagram = vec![0; size];
        let tag = self.tag(size);
        datagram[..tag.len()].copy_from_slice(&tag);
        for &wait in waits {
            let asked = Instant::now();
            if let Some(outcome) = self.send(&datagram)? {
                return Ok(outcome);
            }
            let limit = asked + wait;
            loop {
                // What has come until now is heard before the wait is over.
                let now = Instant::now();
                while let Some(heard) = self.prober.hear() {
                    if let Some(outcome) = self.weigh(heard, size, asked) {
                        return Ok(outcome);
                    }
                }
                let left = limit.saturating_duration_since(now);
                if left.is_zero() {
                    break;
                }
                let mut interests = self.prober.interests();
                let waited = self.ctx.wait_at_most(&mut interests, Deadline::NEVER, left);
                waited.map_err(|cut| cut.during("find the MTU to", SocketName::from(self.peer)))?;
            }
        }
        Ok(Outcome::Lost)
    }

    fn tag(&self, size: usize) -> [u8; 8] {
        self.tags.hash_one(size).to_be_bytes()
    }

    /// Gives what becomes of `datagram` if that is known at once.
    fn send(&mut self, datagram: &[u8]) -> Result<Option<Outcome>, Error> {
        let name = SocketName::from(self.peer);
        loop {
            match self.prober.ask(self.ctx, self.peer.port(), datagram)? {
                Sending::Sent => {
                    self.ctx.tell(&Event::Datagram(Datagram::Sent(&name, datagram.len())));
                    return Ok(None);
                }
                Sending::TooLarge(mtu) => return Ok(Some(Outcome::Interface(mtu))),
                Sending::NoWay(error) => return Ok(Some(Outcome::Other(no_way(&error)))),
                Sending::Full => {
                    let paused = self.ctx.pause(NO_ROOM_PAUSE, Deadline::NEVER);
                    paused.map_err(|cut| cut.during("send to", &name))?;
                }
            }
        }
    }

    /// What `heard` says of a datagram of `size` bytes.
    fn weigh(&mut self, heard: Heard, size: usize, asked: Instant) -> Option<Outcome> {
        let error = match heard {
            Heard { port, .. } if port != self.peer.port() => return None,
            Heard { what: What::Answer(bytes), .. } => {
                self.ctx.tell(&Event::Datagram(Datagram::Received(&SocketName::from(self.peer), bytes.len())));
                let is_echo = bytes.starts_with(&self.tag(size));
                let echoes = *self.echoes.get_or_insert(is_echo);
                return (is_echo || !echoes).then(|| Outcome::Passed(asked.elapsed()));
            }
            Heard { what: What::Error(error), .. } => error,
        };
        if !is_about_size(&error) {
            let ends = Ends { target: self.prober.target(), local: self.prober.local() };
            return judge(&error, ends).map(Outcome::Other);
        }
        // Old routers name no MTU (RFC 1191 §5). One that would do is about an earlier datagram, which was larger.
        let mtu = Some(error.mtu).filter(|&mtu| mtu > 0);
        let would_do = mtu.and_then(|mtu| usize::try_from(mtu).ok()).is_some_and(|mtu| mtu >= size + self.headers);
        error.from.filter(|_| !would_do).map(|from| Outcome::Router(from, mtu))
    }
}

/// Whether a router says that it would have to fragment. See RFC 1191 §4, RFC 4443 §3.2.
fn is_about_size(error: &SocketError) -> bool {
    matches!((error.origin, error.kind, error.code), (Origin::Icmp, 3, 4) | (Origin::Icmp6, 2, _))
}

/// The same number of waits, for answers that take about as long as one that `took` so long.
fn shorter(waits: &[Duration], took: Duration) -> Vec<Duration> {
    let first = took.saturating_mul(4).clamp(WAIT.0, WAIT.1).min(waits.first().copied().unwrap_or_default());
    (0..).map(|nth| first * 2_u32.saturating_pow(nth)).take(waits.len()).collect()
}

/// Which size is tried next, and what is known.
#[derive(Debug)]
struct Search {
    headers: usize,
    /// The largest size that is known to pass.
    passes: usize,
    /// The smallest that is known not to.
    fails: usize,
    /// Who says so.
    limit: SizeLimit,
    /// Worth a try before the middle.
    guess: Option<usize>,
}

impl Search {
    fn new(headers: usize, passes: usize, largest: usize) -> Self {
        Search { headers, passes, fails: largest + 1, limit: SizeLimit::Protocol, guess: Some(largest) }
    }

    /// The size to try; `None` when there is none between what passes and what fails.
    fn next(&mut self) -> Option<usize> {
        let middle = self.passes + (self.fails - self.passes) / 2;
        let guess = self.guess.take().filter(|&guess| guess > self.passes && guess < self.fails);
        (self.passes + 1 < self.fails).then(|| guess.unwrap_or(middle))
    }

    fn learn(&mut self, size: usize, outcome: &Outcome) {
        match *outcome {
            Outcome::Passed(_) => self.passes = self.passes.max(size),
            Outcome::Interface(mtu) => self.fail(size, SizeLimit::Interface(mtu), mtu),
            Outcome::Router(from, mtu) => self.fail(size, SizeLimit::Router(from, mtu), mtu),
            Outcome::Lost | Outcome::Other(_) => self.fail(size, SizeLimit::Silence, None),
        }
    }

    /// An MTU that is named shows the way, as long as it agrees with what is known.
    fn fail(&mut self, size: usize, limit: SizeLimit, mtu: Option<u32>) {
        let most = mtu.and_then(|mtu| usize::try_from(mtu).ok()?.checked_sub(self.headers));
        self.guess = most.filter(|&most| most >= self.passes && most < size);
        self.fails = self.guess.map_or(size, |most| most + 1);
        self.limit = limit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 254));

    /// Searches a way on which `become_of` says what becomes of each size; gives the largest, the limit and the tries.
    fn search(headers: usize, largest: usize, become_of: impl Fn(usize) -> Outcome) -> (usize, SizeLimit, usize) {
        let (mut search, mut tries) = (Search::new(headers, SMALLEST, largest), 0);
        while let Some(size) = search.next() {
            search.learn(size, &become_of(size));
            tries += 1;
            assert!(tries < 40, "it never ends");
        }
        (search.passes, search.limit, tries)
    }

    fn passed() -> Outcome {
        Outcome::Passed(Duration::ZERO)
    }

    #[test]
    fn the_largest_size_is_found_and_who_limits_it() {
        let interface = |mtu: u32, size: usize| (size + 28 > mtu as usize).then_some(Outcome::Interface(Some(mtu)));
        let router = |mtu: u32, size: usize| (size + 28 > mtu as usize).then_some(Outcome::Router(ROUTER, Some(mtu)));
        let local = |size| interface(1500, size).unwrap_or_else(passed);
        assert_eq!(search(28, LARGEST_V4, local), (1472, SizeLimit::Interface(Some(1500)), 2));
        let on_the_way = |size| interface(1500, size).or(router(1400, size)).unwrap_or_else(passed);
        assert_eq!(search(28, LARGEST_V4, on_the_way), (1372, SizeLimit::Router(ROUTER, Some(1400)), 3));
        let loopback = |_| passed();
        assert_eq!(search(28, LARGEST_V4, loopback), (LARGEST_V4, SizeLimit::Protocol, 1));
        let loopback = |size: usize| if size + 48 > 65_536 { Outcome::Interface(Some(65_536)) } else { passed() };
        assert_eq!(search(48, LARGEST_V6, loopback), (65_488, SizeLimit::Interface(Some(65_536)), 2));
    }

    #[test]
    fn silence_is_searched_and_names_nobody() {
        for largest in [40, 41, 548, 1372, 1471] {
            let hole = |size| match size {
                _ if size > 1472 => Outcome::Interface(Some(1500)),
                _ if size > largest => Outcome::Lost,
                _ => passed(),
            };
            let (size, limit, tries) = search(28, LARGEST_V4, hole);
            assert_eq!((size, limit), (largest, SizeLimit::Silence));
            assert!(tries <= 14, "{tries}");
        }
    }

    #[test]
    fn what_is_named_is_not_believed_unseen() {
        // The router names more than gets through, less than did, nothing, or what can't be.
        let too_much = |size| match size {
            _ if size > 1472 => Outcome::Router(ROUTER, Some(1500)),
            _ if size > 1000 => Outcome::Lost,
            _ => passed(),
        };
        assert_eq!(search(28, LARGEST_V4, too_much).0, 1000);
        for named in [None, Some(0), Some(10), Some(68), Some(70_000)] {
            let odd = |size| if size > 1000 { Outcome::Router(ROUTER, named) } else { passed() };
            let (size, limit, _) = search(28, LARGEST_V4, odd);
            assert!(size == 1000 || named == Some(68), "{named:?}: {size}");
            assert_eq!(limit, SizeLimit::Router(ROUTER, named));
        }
    }

    #[test]
    fn refusals_of_a_size_are_told_from_others() {
        for (origin, kind, code, expected) in [
            (Origin::Icmp, 3, 4, true),
            (Origin::Icmp6, 2, 0, true),
            (Origin::Icmp, 3, 3, false),
            (Origin::Icmp6, 3, 4, false),
            (Origin::Local, 0, 0, false),
        ] {
            let error = std::io::ErrorKind::HostUnreachable.into();
            let error = SocketError { error, origin, kind, code, mtu: 1400, from: Some(ROUTER), to: None };
            assert_eq!(is_about_size(&error), expected, "{origin:?} {kind} {code}");
        }
    }

    #[test]
    fn waits_follow_the_first_answer() {
        let ms = Duration::from_millis;
        let long = [ms(1000), ms(2000), ms(4000)];
        assert_eq!(shorter(&long, ms(1)), [ms(100), ms(200), ms(400)]);
        assert_eq!(shorter(&long, ms(60)), [ms(240), ms(480), ms(960)]);
        assert_eq!(shorter(&long, ms(900)), long);
        assert_eq!(shorter(&[ms(10), ms(20)], ms(1)), [ms(10), ms(20)]);
    }
}
