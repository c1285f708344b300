//! The account of a session in words, a block of short lines, and as one object.
//!
//! Owns its wording. The word "delivered" is refused: what the peer's kernel acknowledged its program may never read.

use std::time::Duration;

use serde_json::{Value, json};

use super::voice::words;
use super::wording::{Importance, Line};
use crate::event::Side;
use crate::event::account::{Account, Acknowledged, Phases, TcpInfo};

/// The block for `account`.
pub(super) fn account_line(importance: Importance, account: &Account) -> Line {
    let state = if account.phases.close.is_some() { "over after" } else { "open for" };
    let head = format!(
        "session of {} with {}: {state} {}, {}",
        account.local,
        account.peer,
        words(account.took),
        first_end(account.closed_first)
    );
    let sent = moved("sent", account.sent, account.took);
    let more = [
        Some(format!("  {}", phases(&account.phases))),
        Some(format!("  {sent}{}", acknowledged(account))),
        Some(format!("  {}", moved("received", account.received, account.took))),
        account.tcp.as_ref().map(|tcp| format!("  {}", figures(tcp))),
    ];
    Line::new(importance, "account", head, fields(account)).with(more.into_iter().flatten().collect())
}

fn first_end(side: Option<Side>) -> &'static str {
    match side {
        Some(Side::Local) => "we closed first",
        Some(Side::Peer) => "the peer closed first",
        None => "neither end has closed",
    }
}

/// The way to the connection, and then what counts from there.
fn phases(phases: &Phases) -> String {
    let part = |name: &str, took: Option<Duration>| took.map(|took| format!("{name} {}", words(took)));
    let opening = [
        part("lookup", phases.opening.resolve),
        part("connect", phases.opening.connect),
        part("TLS", phases.opening.tls),
    ];
    let first = part("first byte after", phases.first_byte).or(Some("no byte from the peer".into()));
    let session = [first, part("last byte after", phases.last_byte), part("close after", phases.close)];
    let join = |parts: &[Option<String>]| parts.iter().flatten().cloned().collect::<Vec<_>>().join(", ");
    [join(&opening), join(&session)].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

fn moved(verb: &str, bytes: u64, took: Duration) -> String {
    match bytes {
        0 => format!("{verb} 0 bytes"),
        bytes => format!("{verb} {bytes} bytes, {}", megabytes(rate(bytes, took))),
    }
}

fn acknowledged(account: &Account) -> String {
    let so_far = if account.phases.close.is_some() { "" } else { " so far" };
    match account.acknowledged {
        Acknowledged::Everything if account.sent == 0 => "; the peer's kernel acknowledged our end (FIN)".into(),
        Acknowledged::Everything => "; the peer's kernel acknowledged all of it, our end (FIN) included".into(),
        Acknowledged::Bytes if account.sent == 0 => String::new(),
        Acknowledged::Bytes => format!("; the peer's kernel acknowledged all of it{so_far}, but not our end (FIN)"),
        Acknowledged::AllBut(bytes) => format!("; {bytes} bytes of ours were not acknowledged{so_far}"),
        Acknowledged::Unknown => String::new(),
    }
}

fn figures(tcp: &TcpInfo) -> String {
    let rate =
        tcp.delivery_rate.map_or_else(String::new, |rate| format!(", delivery rate {}", megabytes(as_f64(rate))));
    format!(
        "TCP: rtt {}, rttvar {}, {} retransmits, cwnd {} segments, mss {} bytes, pmtu {} bytes{rate}",
        words(tcp.rtt),
        words(tcp.rttvar),
        tcp.retransmits,
        tcp.cwnd,
        tcp.mss,
        tcp.pmtu
    )
}

fn fields(account: &Account) -> Value {
    let seconds = |took: Option<Duration>| took.map(|took| took.as_secs_f64());
    let (acknowledged, missing) = match account.acknowledged {
        Acknowledged::Everything => (Some(true), Some(0)),
        Acknowledged::Bytes => (Some(false), Some(0)),
        Acknowledged::AllBut(bytes) => (Some(false), Some(bytes)),
        Acknowledged::Unknown => (None, None),
    };
    json!({
        "local": account.local,
        "peer": account.peer,
        "over": account.phases.close.is_some(),
        "seconds": account.took.as_secs_f64(),
        "phases": {
            "resolve": seconds(account.phases.opening.resolve),
            "connect": seconds(account.phases.opening.connect),
            "tls": seconds(account.phases.opening.tls),
            "first_byte": seconds(account.phases.first_byte),
            "last_byte": seconds(account.phases.last_byte),
            "close": seconds(account.phases.close),
        },
        "sent": account.sent,
        "sent_rate": whole(rate(account.sent, account.took)),
        "received": account.received,
        "received_rate": whole(rate(account.received, account.took)),
        "closed_first": account.closed_first.map(|side| if side == Side::Local { "us" } else { "peer" }),
        "acknowledged": acknowledged,
        "unacknowledged_bytes": missing,
        "tcp": account.tcp.as_ref().map(tcp_fields),
    })
}

fn tcp_fields(tcp: &TcpInfo) -> Value {
    json!({
        "rtt": tcp.rtt.as_secs_f64(),
        "rttvar": tcp.rttvar.as_secs_f64(),
        "retransmits": tcp.retransmits,
        "cwnd": tcp.cwnd,
        "mss": tcp.mss,
        "pmtu": tcp.pmtu,
        "delivery_rate": tcp.delivery_rate,
    })
}

/// Bytes a second; what took no time that can be measured took a microsecond.
fn rate(bytes: u64, took: Duration) -> f64 {
    as_f64(bytes) / took.as_secs_f64().max(1e-6)
}

#[allow(clippy::cast_precision_loss, reason = "a rate for the eye")]
fn as_f64(bytes: u64) -> f64 {
    bytes as f64
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is not negative, and `as` saturates"
)]
fn whole(rate: f64) -> u64 {
    rate.round() as u64
}

/// A rate in MB/s, with three digits that count.
fn megabytes(rate: f64) -> String {
    match rate / 1e6 {
        r if r >= 100.0 => format!("{r:.0} MB/s"),
        r if r >= 1.0 => format!("{r:.1} MB/s"),
        r if r >= 0.001 || r == 0.0 => format!("{r:.3} MB/s"),
        _ => "under 0.001 MB/s".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::account::Opening;

    fn account() -> Account {
        let ms = |n| Some(Duration::from_millis(n));
        Account {
            local: "127.0.0.1:4000".into(),
            peer: "127.0.0.1:80".into(),
            sent: 3_000_000,
            received: 20,
            took: Duration::from_secs(2),
            phases: Phases {
                opening: Opening { resolve: ms(3), connect: Some(Duration::from_micros(85)), tls: None },
                first_byte: ms(4),
                last_byte: ms(1500),
                close: ms(2000),
            },
            closed_first: Some(Side::Peer),
            acknowledged: Acknowledged::Everything,
            tcp: Some(TcpInfo {
                rtt: Duration::from_micros(45),
                rttvar: Duration::from_micros(12),
                retransmits: 1,
                cwnd: 10,
                mss: 1448,
                pmtu: 1500,
                delivery_rate: Some(123_000_000),
            }),
        }
    }

    fn block(account: &Account) -> String {
        let line = account_line(Importance::Asked, account);
        [vec![line.text], line.more].concat().join("\n")
    }

    #[test]
    fn the_block_says_everything_once() {
        let wanted = "\
session of 127.0.0.1:4000 with 127.0.0.1:80: over after 2 s, the peer closed first
  lookup 3.0 ms, connect 85 µs; first byte after 4.0 ms, last byte after 1.5 s, close after 2 s
  sent 3000000 bytes, 1.5 MB/s; the peer's kernel acknowledged all of it, our end (FIN) included
  received 20 bytes, under 0.001 MB/s
  TCP: rtt 45 µs, rttvar 12 µs, 1 retransmits, cwnd 10 segments, mss 1448 bytes, pmtu 1500 bytes, delivery rate 123 MB/s";
        assert_eq!(block(&account()), wanted);
    }

    #[test]
    fn what_is_unknown_is_left_out() {
        let bare = Account {
            sent: 0,
            received: 0,
            phases: Phases::default(),
            closed_first: None,
            acknowledged: Acknowledged::Unknown,
            tcp: None,
            ..account()
        };
        let wanted = "\
session of 127.0.0.1:4000 with 127.0.0.1:80: open for 2 s, neither end has closed
  no byte from the peer
  sent 0 bytes
  received 0 bytes";
        assert_eq!(block(&bare), wanted);
        let fields = fields(&bare);
        for name in ["acknowledged", "unacknowledged_bytes", "closed_first", "tcp"] {
            assert!(fields[name].is_null(), "{name}");
        }
    }

    #[test]
    fn what_was_acknowledged_has_one_wording_each() {
        for (acknowledged, over, wanted) in [
            (Acknowledged::Everything, true, "acknowledged all of it, our end (FIN) included\n"),
            (Acknowledged::Bytes, true, "acknowledged all of it, but not our end (FIN)"),
            (Acknowledged::AllBut(7), true, "; 7 bytes of ours were not acknowledged\n"),
            (Acknowledged::AllBut(7), false, "; 7 bytes of ours were not acknowledged so far\n"),
            (Acknowledged::Unknown, true, "MB/s\n"),
        ] {
            let close = over.then_some(Duration::from_secs(2));
            let text = block(&Account { acknowledged, phases: Phases { close, ..account().phases }, ..account() });
            assert!(text.contains(wanted), "{wanted}: {text}");
            assert!(!text.contains("delivered"));
        }
    }

    #[test]
    fn rates_keep_the_digits_that_count() {
        for (rate, wanted) in [
            (0.0, "0.000 MB/s"),
            (10.0, "under 0.001 MB/s"),
            (45_000.0, "0.045 MB/s"),
            (1_260_000.0, "1.3 MB/s"),
            (2_345_600_000.0, "2346 MB/s"),
        ] {
            assert_eq!(megabytes(rate), wanted);
        }
    }
}
