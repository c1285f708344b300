//! Questions by datagram to many ports, and what is known of each in the end.
//!
//! Every address of every port is asked, side by side; the first answer settles a port, and otherwise the last address
//! does. Each address has a pace of its own ([`pace`]). Refuses to look up names, and to word a verdict.

pub mod judge;
pub mod pace;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use self::judge::{Ends, judge, no_way};
use self::pace::{Pace, Patience, Step};
use super::asker::{Asked, default_limit, read, waits};
use crate::deadline::{Deadline, Expired, Seconds};
use crate::error::{Error, Kind};
use crate::event::verdict::{Verdict, Why};
use crate::event::{Datagram, Event};
use crate::net::prober::{Heard, Prober, Sending, What};
use crate::net::{Context, Cut, SocketConfig, SocketName};
use crate::proto::probe::{Nonce, Probe};

/// A kernel without room tells nobody when it has some again: it is asked again this often.
const NO_ROOM_PAUSE: Duration = Duration::from_millis(5);

/// So many questions to one address leave before answers and other addresses have their turn.
const TURN: usize = 32;

/// An address of a port, and what is known of it.
pub type Addressed = (SocketAddr, Verdict);

/// Is told the place of each port in the list and what is known of it: of the address that has answered, or of all.
pub type Over<'a> = dyn FnMut(usize, &[Addressed]) -> Result<(), Error> + 'a;

/// So much is heard from one address at once: more than comes back from as many ports as are asked.
const EARFUL: usize = 4096;

/// How ports are asked.
#[derive(Clone, Debug)]
pub struct Survey {
    /// What they are asked.
    pub probe: Probe,
    /// Where the nonces come from: each question has its own.
    pub nonce: fn() -> Nonce,
    /// How often each is asked, at least once.
    pub tries: u32,
    /// How long the answer of each is waited for in all, its turns not counted.
    pub limit: Option<Duration>,
    /// The options of the sockets.
    pub config: SocketConfig,
}

impl Survey {
    /// Asks each of `places`, which are the addresses of one port each.
    pub fn run(&self, ctx: &Context<'_>, places: &[Vec<SocketAddr>], over: &mut Over<'_>) -> Result<(), Error> {
        let mut state = State { ctx, survey: self, lanes: self.lanes(ctx, places)?, known: unknown(places), over };
        state.run()
    }

    /// What an answer says, if a protocol was asked for. Whatever it is, somebody is there.
    fn says(&self, asked: &[Asked<'_>], answer: &[u8]) -> Option<String> {
        match (&self.probe, read(asked, answer, Instant::now())) {
            (Probe::Data(_), _) => None,
            (_, Ok((answer, _))) => Some(answer.summary()),
            (probe, Err(reason)) => Some(format!("no answer of {}: {reason}", probe.name())),
        }
    }

    /// One lane for each address.
    fn lanes(&self, ctx: &Context<'_>, places: &[Vec<SocketAddr>]) -> Result<Vec<Lane<'_>>, Error> {
        let mut lanes: Vec<Lane<'_>> = Vec::new();
        for (place, addresses) in places.iter().enumerate() {
            for (nth, &peer) in addresses.iter().enumerate() {
                let lane = lanes.iter().position(|lane| lane.is_for(peer)).unwrap_or(lanes.len());
                if lane == lanes.len() {
                    lanes.push(Lane::open(ctx, peer, self)?);
                }
                lanes[lane].add(peer.port(), (place, nth));
            }
        }
        Ok(lanes)
    }
}

/// The waits for an answer, one a try, over all of which `limit` is spread.
pub(super) fn patient_waits(tries: u32, limit: Option<Duration>) -> Vec<Duration> {
    waits(tries, limit.unwrap_or(default_limit(tries).length)).collect()
}

/// Whoever answers for a group answers for himself.
pub(super) fn refuse_groups(ip: IpAddr) -> Result<(), Error> {
    if ip.is_multicast() || ip == IpAddr::from([255; 4]) {
        return Err(Error::usage(format!("{ip} is a group: one program's address is needed")));
    }
    Ok(())
}

/// What is known of each address of a port.
type Known = Vec<(SocketAddr, Option<Verdict>)>;

fn unknown(places: &[Vec<SocketAddr>]) -> Vec<Known> {
    let one = |peer: &SocketAddr| (SocketAddr::new(peer.ip().to_canonical(), peer.port()), None);
    places.iter().map(|all| all.iter().map(one).collect()).collect()
}

/// The place of a port in the list, and the place of an address among its own.
type Place = (usize, usize);

/// The ports of one address.
struct Lane<'a> {
    address: SocketAddr,
    /// Or why this machine can have none for such an address.
    prober: Result<Prober, Error>,
    pace: Pace,
    /// Who waits for each port.
    places: HashMap<u16, Vec<Place>>,
    /// What each port was asked.
    asked: HashMap<u16, Vec<Asked<'a>>>,
    /// Nothing is to be done before.
    due: Option<Instant>,
    has_warned: bool,
}

impl Lane<'_> {
    fn open(ctx: &Context<'_>, address: SocketAddr, survey: &Survey) -> Result<Self, Error> {
        refuse_groups(address.ip())?;
        let prober = match Prober::open(ctx, address, &survey.config) {
            Err(error) if error.kind != Kind::NoSuchLocal || survey.config.source.is_some() => return Err(error),
            opened => opened,
        };
        let room = prober.as_ref().map_or(1, Prober::room);
        let pace = Pace::new(patient_waits(survey.tries, survey.limit), room);
        Ok(Lane { address, prober, pace, places: HashMap::new(), asked: HashMap::new(), due: None, has_warned: false })
    }

    fn is_for(&self, peer: SocketAddr) -> bool {
        self.at(peer.port()) == peer
    }

    fn at(&self, port: u16) -> SocketAddr {
        let mut address = self.address;
        address.set_port(port);
        address
    }

    fn add(&mut self, port: u16, place: Place) {
        let waiting = self.places.entry(port).or_default();
        if waiting.is_empty() {
            self.pace.add(port);
        }
        waiting.push(place);
    }

    /// Nobody waits for `port` any more.
    fn leave(&mut self, port: u16) {
        self.asked.remove(&port);
        if let Ok(prober) = &mut self.prober {
            prober.leave(port);
        }
    }
}

struct State<'a, 'o> {
    ctx: &'a Context<'a>,
    survey: &'a Survey,
    lanes: Vec<Lane<'a>>,
    known: Vec<Known>,
    over: &'a mut Over<'o>,
}

impl State<'_, '_> {
    fn run(&mut self) -> Result<(), Error> {
        loop {
            for lane in 0..self.lanes.len() {
                self.serve(lane)?;
                self.warn_if_limited(lane);
            }
            if self.lanes.iter().all(|lane| lane.pace.left() == 0) {
                return Ok(());
            }
            match self.wait() {
                Ok(()) => {}
                Err(Cut::Expired(expired)) => return self.cut_short(expired),
                Err(cut) => return Err(cut.during("check", "")),
            }
        }
    }

    fn serve(&mut self, nth: usize) -> Result<(), Error> {
        for _ in 0..TURN {
            // No wait is over before what has come until then is heard: we may have been stopped for a while.
            let now = Instant::now();
            self.hear(nth)?;
            self.lanes[nth].due = None;
            if !self.step(nth, now)? {
                return Ok(());
            }
        }
        self.lanes[nth].due = Some(Instant::now());
        Ok(())
    }

    /// Does what is next for a lane; tells whether there may be more to do at once.
    fn step(&mut self, nth: usize, now: Instant) -> Result<bool, Error> {
        let lane = &mut self.lanes[nth];
        match lane.pace.next(now) {
            Step::Ask(port) => self.ask(nth, port)?,
            Step::Silent(port, Patience { asked, since }) => {
                self.settle(nth, port, &Verdict::Silent { asked, waited: since.elapsed(), cut: None })?;
            }
            Step::Wait(until) => lane.due = Some(until),
            Step::Over => return Ok(false),
        }
        Ok(self.lanes[nth].due.is_none())
    }

    fn ask(&mut self, nth: usize, port: u16) -> Result<(), Error> {
        let lane = &mut self.lanes[nth];
        let question = self.survey.probe.question((self.survey.nonce)());
        let (at, clock, size) = (Instant::now(), SystemTime::now(), question.bytes().len());
        let peer = SocketName::from(lane.at(port));
        let prober = match &mut lane.prober {
            Ok(prober) => prober,
            Err(error) => {
                let why = Why::System(error.reason.clone());
                return self.settle_asked(nth, port, &Verdict::NoRoute(why));
            }
        };
        match prober.ask(self.ctx, port, question.bytes())? {
            Sending::Sent => {
                lane.asked.entry(port).or_default().push(Asked { question, at, clock });
                self.ctx.tell(&Event::Datagram(Datagram::Sent(&peer, size)));
                Ok(())
            }
            Sending::Full => {
                lane.pace.unasked(port);
                lane.due = Some(Instant::now() + NO_ROOM_PAUSE);
                Ok(())
            }
            Sending::TooLarge(_) => {
                let reason = format!("{size} bytes are too many for one datagram");
                Err(Error::new(Kind::Send, "send to", peer, reason))
            }
            Sending::NoWay(error) => self.settle_asked(nth, port, &no_way(&error)),
        }
    }

    fn hear(&mut self, nth: usize) -> Result<(), Error> {
        // Whoever floods us must not keep the others, the signals and the limit of the run waiting.
        for _ in 0..EARFUL {
            let Ok(prober) = &mut self.lanes[nth].prober else { return Ok(()) };
            let Some(Heard { port, what }) = prober.hear() else { return Ok(()) };
            let ends = Ends { target: prober.target(), local: prober.local() };
            match what {
                What::Answer(bytes) => self.answered(nth, port, &bytes)?,
                What::Error(error) => {
                    if let Some(verdict) = judge(&error, ends) {
                        self.settle_asked(nth, port, &verdict)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn answered(&mut self, nth: usize, port: u16, bytes: &[u8]) -> Result<(), Error> {
        let lane = &mut self.lanes[nth];
        let peer = SocketName::from(lane.at(port));
        self.ctx.tell(&Event::Datagram(Datagram::Received(&peer, bytes.len())));
        let Some(Patience { since, .. }) = lane.pace.answered(port, false, Instant::now()) else { return Ok(()) };
        let says = self.survey.says(lane.asked.get(&port).map_or(&[], Vec::as_slice), bytes);
        self.settle(nth, port, &Verdict::Open { size: bytes.len(), took: since.elapsed(), says })
    }

    /// A verdict other than an answer's has come, maybe for a port that has one.
    fn settle_asked(&mut self, nth: usize, port: u16, verdict: &Verdict) -> Result<(), Error> {
        let lane = &mut self.lanes[nth];
        match lane.pace.answered(port, true, Instant::now()) {
            Some(_) => self.settle(nth, port, verdict),
            None if lane.places.contains_key(&port) => Ok(()),
            None => {
                lane.leave(port);
                Ok(())
            }
        }
    }

    fn settle(&mut self, nth: usize, port: u16, verdict: &Verdict) -> Result<(), Error> {
        let lane = &mut self.lanes[nth];
        lane.leave(port);
        for place in lane.places.remove(&port).unwrap_or_default() {
            self.note(place, verdict)?;
        }
        Ok(())
    }

    /// An answer settles the port; otherwise the last of its addresses does.
    fn note(&mut self, (place, nth): Place, verdict: &Verdict) -> Result<(), Error> {
        let known = &mut self.known[place];
        known[nth].1 = Some(verdict.clone());
        let all: Vec<_> = known.iter().filter_map(|(peer, verdict)| Some((*peer, verdict.clone()?))).collect();
        if let Verdict::Open { .. } = verdict {
            let open = (known[nth].0, verdict.clone());
            if known.len() > 1 {
                self.forget(place);
            }
            (self.over)(place, &[open])
        } else if all.len() == known.len() {
            (self.over)(place, &all)
        } else {
            Ok(())
        }
    }

    /// The other addresses of a port that is settled need not be asked.
    fn forget(&mut self, place: usize) {
        for lane in &mut self.lanes {
            let mut unwanted = Vec::new();
            for (&port, waiting) in &mut lane.places {
                let before = waiting.len();
                waiting.retain(|(other, _)| *other != place);
                if before > 0 && waiting.is_empty() {
                    unwanted.push(port);
                }
            }
            for port in unwanted {
                lane.places.remove(&port);
                lane.pace.forget(port);
                lane.leave(port);
            }
        }
    }

    fn warn_if_limited(&mut self, nth: usize) {
        let lane = &mut self.lanes[nth];
        if let Some(interval) = lane.pace.interval().filter(|_| !lane.has_warned) {
            lane.has_warned = true;
            self.ctx.warn(format_args!(
                "{} limits its ICMP messages: the rest ({}) is asked one at a time, {} apart at first",
                lane.address.ip().to_canonical(),
                lane.pace.left(),
                Seconds(interval)
            ));
        }
    }

    fn wait(&mut self) -> Result<(), Cut> {
        let now = Instant::now();
        let due = self.lanes.iter().filter_map(|lane| lane.due).min();
        let probers = self.lanes.iter().filter_map(|lane| lane.prober.as_ref().ok());
        let mut interests: Vec<_> = probers.flat_map(Prober::interests).collect();
        match due {
            Some(due) => {
                let pause = due.saturating_duration_since(now);
                self.ctx.wait_at_most(&mut interests, Deadline::NEVER, pause).map(|_| ())
            }
            None => self.ctx.wait(&mut interests, Deadline::NEVER),
        }
    }

    /// The limit of the run: what is known by now.
    fn cut_short(&mut self, expired: Expired) -> Result<(), Error> {
        for nth in 0..self.lanes.len() {
            let unsettled: Vec<_> = self.lanes[nth].pace.unsettled().collect();
            for (port, patience) in unsettled {
                let verdict = match patience {
                    Some(Patience { asked, since }) if asked > 0 => {
                        Verdict::Silent { asked, waited: since.elapsed(), cut: Some(expired) }
                    }
                    _ => Verdict::Undecided(expired),
                };
                self.settle(nth, port, &verdict)?;
            }
        }
        Ok(())
    }
}
