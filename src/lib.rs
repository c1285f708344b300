//! The map of sockkit.
//!
//! # The flow: four verbs
//! ```text
//! argv ─cli─▶ cmd::X::Args ─opts─▶ Endpoint + SocketConfig + Timeouts + Policy   values only, nothing is opened
//!   open:  Endpoint ─resolve─▶ addresses ─dial | listener─▶ Stream
//!   wrap:  Stream ─proxy─▶ Stream ─STARTTLS─▶ Stream ─TLS─▶ Stream               in the order of stream::route
//!   move:  relay::duplex(local Stream, remote Stream, Policy, Taps) ─▶ Transfer
//!   tell:  event::Event ─▶ report::Voice ─▶ a line on stderr, words or JSON
//!   end:   error::Kind ─▶ report::exit ─▶ exit code
//! ```
//! A session is two streams and a policy; taps look on. `listen` and `connect` differ only in how the remote stream is opened.
//! What wraps a stream is a function from a [`stream::Stream`] to a `Stream`, which knows nothing of the other wraps.
//!
//! # Rooms, and who may import whom
//! | level | rooms | may import |
//! |---|---|---|
//! | 0 | [`address`], [`deadline`], [`error`], [`event`], [`proto`], [`times`] | level 0, no cycles |
//! | 1 | [`sys`] | 0 |
//! | 2 | [`net`] | 0–1 |
//! | 3 | [`stream`] | 0–2 |
//! | 4 | [`relay`], [`serve`] | 0–3 |
//! | 5 | [`report`] | 0, and from `sys` the descriptors that it writes to |
//! | 6 | [`opts`] | 0, the configurations of 2–5 |
//! | 7 | [`cmd`], [`cli`], `main` | all |
//!
//! `tests/suite/tidy.rs` holds this table, and the crates that each room may use.
//!
//! # Invariants
//! - Descriptors 0, 1 and 2 belong to the shell as much as to us: their flags are never changed ([`stream::stdio`]).
//! - No call on a stream blocks; everything that waits does so in [`net::Context`], under the deadline and the signals.
//! - The lower rooms tell [`event::Event`]s; only [`report`] has words, JSON, colours and exit codes.
//! - Everything from outside that is printed is escaped ([`proto::escape`]); payload on stdout is byte-exact.
//! - Unsafe code and `cfg(target…)` are in [`sys`] alone; its portable half is built and tested on Linux too.
//! - A run ends with 0 only if nothing is known to be lost.

pub mod address;
pub mod cli;
pub mod cmd;
pub mod deadline;
pub mod error;
pub mod event;
pub mod net;
pub mod opts;
pub mod proto;
pub mod relay;
pub mod report;
pub mod serve;
pub mod stream;
pub mod sys;
pub mod times;
