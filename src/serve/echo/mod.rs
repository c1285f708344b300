//! The echo server (RFC 862): what comes goes back, or is answered as a script says, for many clients at once.
//!
//! ```text
//! Echo ─run─▶ House            what all loops share: sockets, the limit of clients, counts, the end
//!               └─ EventLoop   one a core, each with its clients and the datagram sockets dealt to it
//!                    └─ Client one session: its stream, what waits for it, its part in the script
//! ```
//! Every loop watches the listening sockets, and the kernel wakes one of them for a client: a second socket on the
//! port (`SO_REUSEPORT`) would hide that the port is in use. The first loop, on the thread of the run, also heeds
//! signals and the clock of the run. Refuses to open sockets.

mod client;
mod clients;
mod datagrams;
mod event_loop;
mod house;
mod printer;
mod timers;

use std::num::NonZero;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use crate::deadline::Bound;
use crate::error::Error;
use crate::event::{Event, Serve};
use crate::net::Context;
use crate::net::datagram::DatagramSocket;
use crate::serve::encryption::Encryption;
use crate::serve::partner::Partner;
use crate::stream::listener::Listener;
use crate::stream::stdio::Stdio;
use event_loop::EventLoop;
use house::House;

/// How many clients there may be when --max-conns says nothing: the file limit comes first nearly everywhere.
pub const DEFAULT_MAX: usize = 100_000;

/// More loops than this would only take turns.
const MOST_LOOPS: usize = 64;

/// What an echo server may do.
#[derive(Clone, Debug)]
pub struct Echo {
    /// Clients over this number wait in the backlog.
    pub max_clients: usize,
    /// A client with which nothing moves for this long is dropped.
    pub idle: Option<Bound>,
    /// The counts are told this often.
    pub stats_every: Option<Duration>,
    /// What is played to whoever comes.
    pub partner: Partner,
    /// How clients are encrypted, if they are.
    pub encryption: Option<Encryption>,
}

/// The sockets that are served.
#[derive(Debug, Default)]
pub struct Sockets {
    /// Clients come to these.
    pub listeners: Vec<Listener>,
    /// Datagrams come to these.
    pub datagrams: Vec<DatagramSocket>,
}

impl Echo {
    /// Serves until a signal ends it, which is its normal end. The counts are told however it ended. Messages are
    /// printed to `output`, if they are to be.
    pub fn run(&self, ctx: &Context<'_>, sockets: Sockets, output: Option<Stdio>) -> Result<(), Error> {
        // Lines of several loops would have to wait for one another anyhow.
        let loops = if output.is_some() { 1 } else { loops() };
        let house = House::new(self, sockets, loops)?;
        let outcome = serve(*ctx, &house, output);
        ctx.tell(&Event::Serve(Serve::Totals(house.totals())));
        outcome
    }
}

/// One loop a core.
fn loops() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).min(MOST_LOOPS)
}

/// The first loop here, the others on threads of their own. The first failure ends all of them and is the one to tell.
fn serve(ctx: Context<'_>, house: &House<'_>, output: Option<Stdio>) -> Result<(), Error> {
    // No client can take the descriptors that a loop still needs for itself.
    let all_are_ready = Barrier::new(house.loops());
    let run = |nth, output| {
        let event_loop = EventLoop::new(ctx, house, nth, output);
        all_are_ready.wait();
        let outcome = event_loop.and_then(|mut event_loop| event_loop.run());
        house.leave(outcome.is_err());
        outcome
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..house.loops()).map(|nth| scope.spawn(move || run(nth, None))).collect();
        let first = run(0, output);
        let others = others.into_iter().map(|other| match other.join() {
            Ok(outcome) => outcome,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        // All are joined before the first failure is given.
        others.fold(first, Result::and)
    })
}
