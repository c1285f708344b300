//! The exit table: curl's numbers wherever curl has one. Nobody else knows them.

use std::process::ExitCode;

use crate::error::Kind;
use crate::sys::signals;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By this exit code.
    Code(u8),
    /// By this signal, so that a shell sees 128 + n.
    Signal(i32),
    /// As by SIGPIPE, quietly.
    BrokenPipe,
}

/// Ends the process in that way, as far as a return from `main` can.
pub fn end(ending: Ending) -> ExitCode {
    match ending {
        Ending::Code(code) => ExitCode::from(code),
        Ending::Signal(number) => {
            signals::die_by(number);
            ExitCode::from(128_u8.wrapping_add(u8::try_from(number).unwrap_or(0)))
        }
        Ending::BrokenPipe => {
            signals::die_by_broken_pipe();
            ExitCode::from(141)
        }
    }
}

/// The table as the man page and README print it.
pub const TABLE: &[(&str, &str)] = &[
    ("0", "both directions ended cleanly, nothing known lost"),
    ("1", "a verdict was negative: not what was expected, some of several ports not open"),
    ("2", "usage: an option, its value, a malformed address or URL"),
    ("5", "the proxy's name was not resolved"),
    ("6", "the host's name was not resolved"),
    ("7", "connection refused, or the host is unreachable"),
    ("8", "the server's reply is malformed"),
    ("18", "the transfer ended short of what was announced"),
    ("22", "an HTTP status of 400 or more, under --fail"),
    ("23", "cannot write locally: disk full, closed stdout, the file exists"),
    ("26", "cannot read locally: stdin is a directory, an I/O error"),
    ("28", "a time limit passed; the message names it"),
    ("33", "the server does not give the part that was asked for: --range, --continue"),
    ("35", "the TLS handshake failed"),
    ("45", "cannot bind: port in use, not permitted, no such address"),
    ("47", "too many redirects"),
    ("52", "the server sent nothing"),
    ("55", "sending failed, other than by a reset"),
    ("56", "the connection was reset, or TLS cut without its end; what came before is kept"),
    ("60", "the peer's certificate is not trusted"),
    ("61", "bad content encoding: a compressed body that is damaged, cut or of an unknown kind"),
    ("63", "a size or header limit was passed"),
    ("97", "the proxy refused"),
    ("128+n", "ended by signal n, such as 130 by ctrl-C"),
    ("141", "whoever read standard output is gone"),
];

/// How a run that failed in this way ends.
pub fn ending(kind: Kind) -> Ending {
    Ending::Code(match kind {
        Kind::Verdict => 1,
        Kind::Usage => 2,
        Kind::ProxyUnknown => 5,
        Kind::NameUnknown => 6,
        Kind::Refused => 7,
        Kind::Malformed => 8,
        Kind::Short => 18,
        Kind::HttpStatus => 22,
        Kind::WriteLocal => 23,
        Kind::ReadLocal => 26,
        Kind::TimedOut => 28,
        Kind::Range => 33,
        Kind::Tls => 35,
        Kind::Bind | Kind::NoSuchLocal => 45,
        Kind::Redirects => 47,
        Kind::Empty => 52,
        Kind::Send => 55,
        Kind::Reset => 56,
        Kind::Untrusted => 60,
        Kind::Encoding => 61,
        Kind::TooLarge => 63,
        Kind::Proxy => 97,
        Kind::OutputGone => return Ending::BrokenPipe,
        Kind::Signal(number) => return Ending::Signal(number),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_that_is_given_is_in_the_table() {
        let kinds = [
            Kind::Verdict,
            Kind::Usage,
            Kind::ProxyUnknown,
            Kind::NameUnknown,
            Kind::Refused,
            Kind::Malformed,
            Kind::Short,
            Kind::HttpStatus,
            Kind::WriteLocal,
            Kind::ReadLocal,
            Kind::TimedOut,
            Kind::Tls,
            Kind::Bind,
            Kind::NoSuchLocal,
            Kind::Range,
            Kind::Redirects,
            Kind::Empty,
            Kind::Send,
            Kind::Reset,
            Kind::Untrusted,
            Kind::Encoding,
            Kind::TooLarge,
            Kind::Proxy,
        ];
        for kind in kinds {
            let Ending::Code(code) = ending(kind) else { panic!("{kind:?} has a code") };
            assert!(TABLE.iter().any(|(text, _)| *text == code.to_string()), "{kind:?}");
        }
    }
}
