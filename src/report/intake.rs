//! What is known of datagrams that came, in words and as JSON fields.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::voice::words;
use super::wording::Worded;
use crate::event::Shown;
use crate::event::datagram::{Facts, Intake};

/// A datagram that came, and what the kernel tells of it.
pub(super) fn arrived(from: Shown<'_>, size: usize, facts: &Facts) -> Worded {
    let Facts { local, ttl, tos, kernel_time } = facts;
    let told = [
        local.map(|ip| format!(" to {ip}")),
        ttl.map(|ttl| format!(", TTL {ttl}")),
        tos.map(|tos| format!(", TOS 0x{tos:02x} ({})", ecn(tos))),
        kernel_time.map(|time| format!(", at {}", time_of_day(time))),
    ];
    let told: String = told.into_iter().flatten().collect();
    let text = format!("a datagram of {size} bytes from {from}{told}");
    ("datagram", text, arrived_fields(from, size, facts))
}

fn arrived_fields(from: Shown<'_>, size: usize, facts: &Facts) -> Value {
    let mut fields = Map::new();
    fields.insert("from".into(), json!(from.to_string()));
    fields.insert("bytes".into(), json!(size));
    let known = [
        ("local", facts.local.map(|ip| json!(ip.to_string()))),
        ("ttl", facts.ttl.map(|ttl| json!(ttl))),
        ("tos", facts.tos.map(|tos| json!(tos))),
        ("ecn", facts.tos.map(|tos| json!(ecn(tos)))),
        // Microseconds are what a double holds of a time since 1970.
        ("kernel_time", facts.kernel_time.map(|time| json!((time.as_secs_f64() * 1e6).round() / 1e6))),
    ];
    fields.extend(known.into_iter().filter_map(|(name, value)| Some((name.into(), value?))));
    Value::Object(fields)
}

/// The two bits of RFC 3168 §5.
fn ecn(tos: u8) -> &'static str {
    match tos & 3 {
        0 => "not ECT",
        1 => "ECT(1)",
        2 => "ECT(0)",
        _ => "CE",
    }
}

/// The time of the day in UTC.
fn time_of_day(since_1970: Duration) -> String {
    let seconds = since_1970.as_secs() % 86_400;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{:06} UTC", seconds % 60, since_1970.subsec_micros())
}

/// Datagrams that had no room.
pub(super) fn lost(count: u64, at_least: bool) -> Worded {
    let at_least_words = if at_least { "at least " } else { "" };
    let text = format!(
        "{at_least_words}{count} datagrams were lost here: the receive queue was full (--recv-buffer makes it larger)"
    );
    ("datagrams-lost", text, json!({ "count": count, "at_least": at_least }))
}

/// All that a receiver got.
pub(super) fn intake_text(intake: &Intake) -> String {
    let Intake { datagrams, bytes, empty, cut, ignored, unread, .. } = intake;
    let sizes = intake.smallest.zip(intake.largest);
    let sizes =
        sizes.map_or_else(String::new, |(low, high)| format!("; smallest {low}, largest {high}, {empty} empty"));
    let rate = rates(intake).map_or_else(String::new, |(datagrams, bytes)| {
        format!(" in {}: {datagrams:.0} datagrams/s, {bytes:.0} bytes/s", words(intake.took))
    });
    let at_least = if intake.dropped_at_least { "at least " } else { "" };
    let dropped = intake.dropped.map_or_else(|| ", dropped: unknown".into(), |n| format!(", {at_least}{n} dropped"));
    format!(
        "{datagrams} datagrams received, {bytes} bytes{rate}{sizes}; {cut} cut, {ignored} ignored, {unread} left \
         unread{dropped}"
    )
}

pub(super) fn intake_fields(intake: &Intake) -> Value {
    let Intake { datagrams, bytes, took, largest, smallest, empty, cut, ignored, unread, dropped, .. } = intake;
    let (datagram_rate, byte_rate) = rates(intake).unzip();
    json!({
        "datagrams": datagrams, "bytes": bytes, "seconds": took.as_secs_f64(), "datagrams_per_second": datagram_rate,
        "bytes_per_second": byte_rate, "largest": largest, "smallest": smallest, "empty": empty, "cut": cut,
        "ignored": ignored, "unread": unread, "dropped": dropped, "dropped_at_least": intake.dropped_at_least,
    })
}

/// Datagrams and bytes a second; a single moment has none.
#[allow(clippy::cast_precision_loss, reason = "a rate is read to three digits")]
fn rates(intake: &Intake) -> Option<(f64, f64)> {
    let seconds = Some(intake.took.as_secs_f64()).filter(|&seconds| seconds > 0.0)?;
    Some((intake.datagrams as f64 / seconds, intake.bytes as f64 / seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_told_and_nothing_else() {
        let facts = Facts {
            local: Some([192, 0, 2, 1].into()),
            ttl: Some(64),
            tos: Some(0xb9),
            kernel_time: Some(Duration::new(86_400 + 3_723, 4_005_999)),
        };
        let (_, text, fields) = arrived(&"192.0.2.2:9", 5, &facts);
        let wanted =
            "a datagram of 5 bytes from 192.0.2.2:9 to 192.0.2.1, TTL 64, TOS 0xb9 (ECT(1)), at 01:02:03.004005 UTC";
        assert_eq!(text, wanted);
        assert_eq!(
            (&fields["ttl"], &fields["ecn"], &fields["kernel_time"]),
            (&json!(64), &json!("ECT(1)"), &json!(90_123.004_006))
        );
        let (_, text, fields) = arrived(&"unix:x", 0, &Facts::default());
        assert_eq!(text, "a datagram of 0 bytes from unix:x");
        assert_eq!(fields, json!({ "from": "unix:x", "bytes": 0 }));
    }

    #[test]
    fn totals() {
        let mut intake = Intake { took: Duration::from_secs(2), ignored: 1, dropped: Some(4), ..Intake::default() };
        for size in [0, 10, 4] {
            intake.count(size);
        }
        let wanted = "3 datagrams received, 14 bytes in 2 s: 2 datagrams/s, 7 bytes/s; smallest 0, largest 10, 1 empty; \
                      0 cut, 1 ignored, 0 left unread, 4 dropped";
        assert_eq!(intake_text(&intake), wanted);
        let none = intake_text(&Intake::default());
        assert_eq!(none, "0 datagrams received, 0 bytes; 0 cut, 0 ignored, 0 left unread, dropped: unknown");
    }
}
