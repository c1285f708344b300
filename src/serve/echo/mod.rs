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
mod event_loop;
mod house;

use std::num::NonZero;
use std::thread;
use std::time::Duration;

use crate::deadline::Bound;
use crate::error::Error;
use crate::event::{Event, Serve};
use crate::net::Context;
use crate::net::datagram::DatagramSocket;
use crate::stream::listener::Listener;
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
    /// Serves until a signal ends it, which is its normal end. The counts are told however it ended.
    pub fn run(&self, ctx: &Context<'_>, sockets: Sockets) -> Result<(), Error> {
        let house = House::new(self, sockets, loops())?;
        let outcome = serve(*ctx, &house);
        ctx.tell(&Event::Serve(Serve::Totals(house.totals())));
        outcome
    }
}

/// One loop a core.
fn loops() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).min(MOST_LOOPS)
}

/// The first loop here, the others on threads of their own. The first failure ends all of them and is the one to tell.
fn serve(ctx: Context<'_>, house: &House<'_>) -> Result<(), Error> {
    thread::scope(|scope| {
        let run = move |nth| {
            let outcome = EventLoop::new(ctx, house, nth).and_then(|mut event_loop| event_loop.run());
            house.leave(outcome.is_err());
            outcome
        };
        let others: Vec<_> = (1..house.loops()).map(|nth| scope.spawn(move || run(nth))).collect();
        let first = run(0);
        let others = others.into_iter().map(|other| match other.join() {
            Ok(outcome) => outcome,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        // All are joined before the first failure is given.
        others.fold(first, Result::and)
    })
}
