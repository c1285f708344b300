//! `udp-send --probe`: asks a server a question of its own protocol, and prints what the answer says.

use std::ffi::OsString;

use super::announce::unguessable;
use crate::address::{Endpoint, Role};
use crate::deadline::Bound;
use crate::error::Error;
use crate::net::Context;
use crate::opts::probe::ProbeArgs;
use crate::proto::escape;
use crate::proto::probe::{Nonce, Probe};
use crate::report::Voice;
use crate::report::answers::ServerAnswer;
use crate::serve::asker::{Asker, default_limit};
use crate::serve::place::Target;

/// Whom to ask: an address, of which a port that is left out is the protocol's own.
pub(super) fn endpoint(words: &[OsString], probe: &Probe) -> Result<Endpoint, Error> {
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let found = match probe.port() {
        Some(port) => Endpoint::from_words_or_port(&words, port),
        None => Endpoint::from_words(&words, Role::Connects),
    };
    match found.map_err(Error::usage)? {
        (endpoint, []) => Ok(endpoint),
        (_, [first, ..]) => {
            let data = escape(first.as_bytes());
            Err(Error::usage(format!("a probe sends its own question; the DATA {data:?} is too much")))
        }
    }
}

/// The question in its tries; `idle` is how long an answer is waited for.
pub(super) fn asker(probe: Probe, args: &ProbeArgs, idle: Option<Bound>) -> Asker {
    let tries = args.tries();
    Asker { probe, tries, limit: idle.unwrap_or_else(|| default_limit(tries)), nonce }
}

/// Asks, and tells the answer.
pub(super) fn run(ctx: &Context<'_>, voice: &Voice, target: &Target, asker: &Asker) -> Result<(), Error> {
    let answered = asker.run(ctx, target)?;
    voice.answered(&ServerAnswer {
        peer: &answered.from.to_string(),
        probe: asker.probe.name(),
        answer: &answered.answer,
        took: answered.took,
        asked: answered.asked,
    })
}

/// A number that nobody can guess.
pub(super) fn nonce() -> Nonce {
    Nonce((u128::from(unguessable()) << 64 | u128::from(unguessable())).to_be_bytes())
}
