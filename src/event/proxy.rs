//! The way through a proxy, as values.
//!
//! Owns who is told what of it. Refuses to go it (`stream::proxy` does) and to word (`report`).

use std::time::Duration;

use super::Shown;

/// A step of the way.
pub enum Proxy<'a> {
    /// This target is asked directly, although there is a proxy: the list of exceptions has it.
    Bypassed(Shown<'a>),
    /// A proxy reads the requests for a target.
    Forwards(Way<'a>),
    /// A proxy is asked for a connection to a target.
    Asked(Way<'a>),
    /// The proxy has connected us to this target, so long after it was asked.
    Opened(Shown<'a>, Duration),
}

/// A proxy and what it is for.
pub struct Way<'a> {
    /// The proxy, without its credentials.
    pub proxy: Shown<'a>,
    /// The option or variable that names it.
    pub named_by: &'static str,
    /// Whom it is to reach.
    pub target: Shown<'a>,
}
