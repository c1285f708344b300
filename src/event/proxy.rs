//! The way through a proxy, as values.
//!
//! Owns who is told what of it. Refuses to go it (`stream::proxy` does) and to word (`report`).

use std::time::Duration;

use super::Shown;

/// A step of the way. The proxy is shown without its credentials.
pub enum Proxy<'a> {
    /// This target is asked directly, although there is a proxy: the list of exceptions has it.
    Bypassed(Shown<'a>),
    /// This proxy reads the requests for this target.
    Forwards(Shown<'a>, Shown<'a>),
    /// This proxy is asked for a connection to this target.
    Asked(Shown<'a>, Shown<'a>),
    /// The proxy has connected us to this target, so long after it was asked.
    Opened(Shown<'a>, Duration),
}
