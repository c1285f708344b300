//! What `--ping` finds, in the manner of ping(8) or as one object a line. Only the summary is left under -q.

use std::time::Duration;

use serde_json::{Value, json};

use super::Voice;
use crate::event::Shown;
use crate::event::ping::{Answer, Outcome, Phrase, Summary};
use crate::proto::escape;
use crate::times::Distribution;

impl Phrase for Voice {
    fn phrase(&self, outcome: &Outcome<'_>) -> String {
        let settings = self.settings();
        match outcome {
            Outcome::Answer(_) | Outcome::Foreign(..) if settings.quiet => String::new(),
            _ if settings.json => format!("{}\n", fields(outcome)),
            _ => {
                // As ping(8): the summary stands apart from the answers, and from the ^C of a terminal.
                let apart = if matches!(outcome, Outcome::Summary(..)) && !settings.quiet { "\n" } else { "" };
                lines(outcome).iter().fold(apart.to_owned(), |text, line| text + &escape(line.as_bytes()) + "\n")
            }
        }
    }
}

fn lines(outcome: &Outcome<'_>) -> Vec<String> {
    match outcome {
        Outcome::Answer(answer) => vec![answer_line(answer)],
        Outcome::Foreign(from, bytes) => vec![format!("{bytes} bytes from {from}: not a probe of this run")],
        Outcome::Summary(peer, summary) => summary_lines(peer, summary),
    }
}

fn answer_line(answer: &Answer<'_>) -> String {
    let marks = [
        answer.marks.duplicate.then(|| " (duplicate)".to_owned()),
        answer.marks.after.map(|seq| format!(" (late: after seq={seq})")),
        answer.marks.corrupted.then(|| " (corrupted)".to_owned()),
    ];
    let marks: String = marks.into_iter().flatten().collect();
    let time = millis(answer.round_trip);
    format!("{} bytes from {}: seq={} time={time} ms{marks}", answer.bytes, answer.from, answer.seq)
}

fn summary_lines(peer: Shown<'_>, summary: &Summary) -> Vec<String> {
    let so_far = if summary.over { "" } else { " so far" };
    let head = format!("--- {peer} ping statistics{so_far} ---");
    let rare = |n: u64, words: &str| if n > 0 { format!(", {n} {words}") } else { String::new() };
    let counts = format!(
        "{} sent, {} received, {} lost ({}%){}, {} duplicated, {} reordered, {} corrupted{}, in {:.3} s",
        summary.sent,
        summary.received,
        summary.lost(),
        percent(summary.lost(), summary.sent),
        rare(summary.under_way, "under way"),
        summary.duplicated,
        summary.reordered,
        summary.corrupted,
        rare(summary.foreign_bytes, "foreign bytes"),
        summary.took.as_secs_f64(),
    );
    [Some(head), Some(counts), summary.round_trips.as_ref().map(times)].into_iter().flatten().collect()
}

fn times(found: &Distribution) -> String {
    let [min, p50, p90, p99, max] = [found.min, found.p50, found.p90, found.p99, found.max].map(millis);
    let jitter = found.jitter.map_or_else(|| "-".into(), millis);
    let precision = if found.exact { "" } else { " (percentiles within 0.4%)" };
    format!("round trip min/p50/p90/p99/max/jitter = {min}/{p50}/{p90}/{p99}/{max}/{jitter} ms{precision}")
}

fn fields(outcome: &Outcome<'_>) -> Value {
    match outcome {
        Outcome::Answer(answer) => json!({
            "event": "answer",
            "from": answer.from.to_string(),
            "bytes": answer.bytes,
            "seq": answer.seq,
            "seconds": answer.round_trip.as_secs_f64(),
            "duplicate": answer.marks.duplicate,
            "after": answer.marks.after,
            "corrupted": answer.marks.corrupted,
        }),
        Outcome::Foreign(from, bytes) => json!({ "event": "foreign", "from": from.to_string(), "bytes": bytes }),
        Outcome::Summary(peer, summary) => json!({
            "event": "summary",
            "peer": peer.to_string(),
            "over": summary.over,
            "sent": summary.sent,
            "received": summary.received,
            "lost": summary.lost(),
            "under_way": summary.under_way,
            "duplicated": summary.duplicated,
            "reordered": summary.reordered,
            "corrupted": summary.corrupted,
            "foreign_bytes": summary.foreign_bytes,
            "seconds": summary.took.as_secs_f64(),
            "round_trip": summary.round_trips.as_ref().map(time_fields),
        }),
    }
}

fn time_fields(found: &Distribution) -> Value {
    json!({
        "min": found.min.as_secs_f64(),
        "p50": found.p50.as_secs_f64(),
        "p90": found.p90.as_secs_f64(),
        "p99": found.p99.as_secs_f64(),
        "max": found.max.as_secs_f64(),
        "jitter": found.jitter.map(|jitter| jitter.as_secs_f64()),
        "exact": found.exact,
    })
}

/// Milliseconds with microseconds, as ping(8) has them.
fn millis(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64() * 1e3)
}

/// Three decimals at the most.
#[allow(clippy::cast_precision_loss, reason = "a share for the eye")]
fn percent(part: u64, whole: u64) -> String {
    let text = format!("{:.3}", part as f64 * 100.0 / whole.max(1) as f64);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ping::Marks;
    use crate::report::Settings;

    const fn us(n: u64) -> Duration {
        Duration::from_micros(n)
    }

    fn answer(marks: Marks) -> Outcome<'static> {
        let from = &"127.0.0.1:7";
        Outcome::Answer(Answer { from, bytes: 64, seq: 4, round_trip: us(1234), marks })
    }

    fn summary() -> Summary {
        let times = Distribution {
            min: us(51),
            p50: us(60),
            p90: us(100),
            p99: us(1200),
            max: us(1_234_567),
            jitter: Some(us(9)),
            exact: true,
        };
        Summary {
            sent: 10,
            received: 7,
            under_way: 0,
            duplicated: 2,
            reordered: 1,
            corrupted: 0,
            foreign_bytes: 0,
            took: Duration::from_millis(9001),
            round_trips: Some(times),
            over: true,
        }
    }

    fn text(outcome: &Outcome<'_>) -> String {
        Voice::new(Settings::default()).phrase(outcome)
    }

    #[test]
    fn answers_read_as_those_of_ping() {
        let none = Marks::default();
        for (marks, wanted) in [
            (none, ""),
            (Marks { duplicate: true, ..none }, " (duplicate)"),
            (Marks { after: Some(5), ..none }, " (late: after seq=5)"),
            (Marks { after: Some(5), corrupted: true, ..none }, " (late: after seq=5) (corrupted)"),
        ] {
            assert_eq!(text(&answer(marks)), format!("64 bytes from 127.0.0.1:7: seq=4 time=1.234 ms{wanted}\n"));
        }
    }

    #[test]
    fn the_summary_says_everything_once() {
        let wanted = "
--- echo:7 ping statistics ---
10 sent, 7 received, 3 lost (30%), 2 duplicated, 1 reordered, 0 corrupted, in 9.001 s
round trip min/p50/p90/p99/max/jitter = 0.051/0.060/0.100/1.200/1234.567/0.009 ms
";
        assert_eq!(text(&Outcome::Summary(&"echo:7", &summary())), wanted);
        let nothing = Summary { sent: 3, received: 0, round_trips: None, foreign_bytes: 9, ..summary() };
        let wanted = "3 sent, 0 received, 3 lost (100%), 2 duplicated, 1 reordered, 0 corrupted, 9 foreign bytes, in";
        let text_of_nothing = text(&Outcome::Summary(&"echo:7", &nothing));
        assert!(text_of_nothing.contains(wanted) && !text_of_nothing.contains("round trip"), "{text_of_nothing}");
        let half = Summary { under_way: 1, over: false, ..summary() };
        let half = text(&Outcome::Summary(&"echo:7", &half));
        assert!(half.contains("statistics so far") && half.contains("2 lost (20%), 1 under way,"), "{half}");
    }

    #[test]
    fn only_the_summary_is_left_under_quiet() {
        let voice = Voice::new(Settings { quiet: true, ..Settings::default() });
        assert_eq!(voice.phrase(&answer(Marks::default())), "");
        assert_eq!(voice.phrase(&Outcome::Foreign(&"x", 3)), "");
        assert!(voice.phrase(&Outcome::Summary(&"x", &summary())).starts_with("--- x"));
    }

    #[test]
    fn shares_keep_the_digits_that_count() {
        for (part, whole, wanted) in [(0, 0, "0"), (0, 9, "0"), (1, 3, "33.333"), (1, 10_000, "0.01"), (5, 5, "100")] {
            assert_eq!(percent(part, whole), wanted);
        }
    }
}
