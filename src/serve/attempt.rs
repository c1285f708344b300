//! One attempt to send a datagram, or a run of them by one call.
//!
//! Owns the difference between the errors of this datagram and those that tell of an earlier one. Refuses to wait,
//! and to decide whether a loss ends the run.

use std::io::{self, ErrorKind};
use std::time::Duration;

use crate::sys::fd::is_out_of_resources;

/// A kernel without buffers tells nobody when it has some again: it is asked again this often.
pub(super) const NO_BUFFERS_PAUSE: Duration = Duration::from_millis(5);

/// What became of it.
#[derive(Debug)]
pub(super) enum Attempt<T = ()> {
    /// The kernel has it, or has as many as this says.
    Sent(T),
    /// It has to be made again.
    Blocked(Blocked),
    /// It can't be sent.
    Failed(io::Error),
}

/// Why a datagram has not gone out yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blocked {
    /// The socket's send buffer, or a UNIX receiver's queue, is full.
    Full,
    /// The kernel has no buffers.
    NoBuffers,
}

/// Sends by `send`. On a socket that `has_late_errors` an error may only report what became of an earlier datagram:
/// `lost` is told that, and since the call has sent nothing, it is made again. See udp(7).
pub(super) fn attempt<T, E>(
    has_late_errors: bool,
    mut send: impl FnMut() -> io::Result<T>,
    mut lost: impl FnMut(io::Error) -> Result<(), E>,
) -> Result<Attempt<T>, E> {
    let mut earlier: Option<io::Error> = None;
    loop {
        match send() {
            Ok(count) => {
                earlier.map_or(Ok(()), &mut lost)?;
                return Ok(Attempt::Sent(count));
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(Attempt::Blocked(Blocked::Full)),
            Err(e) if is_out_of_resources(&e) => return Ok(Attempt::Blocked(Blocked::NoBuffers)),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) if !has_late_errors => return Ok(Attempt::Failed(e)),
            // A send itself is never refused in UDP: this is always an answer, however often it comes.
            Err(e) if e.kind() == ErrorKind::ConnectionRefused => lost(e)?,
            Err(e) if earlier.is_none() => earlier = Some(e),
            Err(e) => return Ok(Attempt::Failed(e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Makes an attempt whose calls give `outcomes`, one after the other; tells what was lost before.
    fn made(has_late_errors: bool, outcomes: &[Option<ErrorKind>]) -> (Attempt, Vec<ErrorKind>) {
        let left = RefCell::new(outcomes.iter());
        let mut losses = Vec::new();
        let send = || match left.borrow_mut().next().expect("no call too many") {
            None => Ok(()),
            Some(kind) => Err((*kind).into()),
        };
        let attempt = attempt(has_late_errors, send, |e| {
            losses.push(e.kind());
            Ok::<_, std::convert::Infallible>(())
        });
        assert_eq!(left.borrow().len(), 0, "no call too few");
        (attempt.unwrap_or_else(|never| match never {}), losses)
    }

    #[test]
    fn an_error_of_an_earlier_datagram_is_told_and_the_call_made_again() {
        use ErrorKind::{ConnectionRefused, HostUnreachable, Interrupted, WouldBlock};
        let (attempt, losses) = made(true, &[Some(ConnectionRefused), Some(ConnectionRefused), None]);
        assert!(matches!(attempt, Attempt::Sent(())) && losses == [ConnectionRefused; 2], "{attempt:?} {losses:?}");
        let (attempt, losses) = made(true, &[Some(HostUnreachable), Some(Interrupted), None]);
        assert!(matches!(attempt, Attempt::Sent(())) && losses == [HostUnreachable], "{attempt:?} {losses:?}");
        let (attempt, losses) = made(true, &[Some(HostUnreachable), Some(HostUnreachable)]);
        assert!(matches!(attempt, Attempt::Failed(_)) && losses.is_empty(), "{attempt:?} {losses:?}");
        let (attempt, losses) = made(false, &[Some(ConnectionRefused)]);
        assert!(matches!(attempt, Attempt::Failed(_)) && losses.is_empty(), "{attempt:?} {losses:?}");
        let (attempt, _) = made(false, &[Some(Interrupted), Some(WouldBlock)]);
        assert!(matches!(attempt, Attempt::Blocked(Blocked::Full)), "{attempt:?}");
    }
}
