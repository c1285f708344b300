//! What requests that were asked again and again took: per URL, a table for new connections and one for kept ones.
//!
//! Owns its wording, as lines or as one object a URL on standard output. Refuses to measure.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Voice;
use super::waterfall::{Asked, Seen, label, millis};
use super::wording::phases;
use crate::error::Error;
use crate::event::http::Timing;
use crate::times::{Distribution, Times};

/// Redirects can lead to a new URL each time: those beyond so many are counted together.
const MOST_URLS: usize = 32;

/// Failures of more kinds than this are counted together.
const MOST_REASONS: usize = 8;

/// What stands for all URLs, or reasons, beyond those.
const OTHERS: &str = "(others)";

/// The requests of a run, by their URLs.
#[derive(Debug, Default)]
pub struct Repeats {
    series: Vec<Series>,
}

/// All requests to one URL.
#[derive(Debug)]
struct Series {
    method: String,
    url: String,
    requests: u64,
    answered: u64,
    /// Bytes of all bodies.
    bytes: u64,
    statuses: BTreeMap<u16, u64>,
    failures: Vec<(String, u64)>,
    new: Phases,
    kept: Phases,
}

/// The times of each phase; one that an exchange lacks is not counted.
#[derive(Debug, Default)]
struct Phases {
    count: u64,
    by_name: Vec<(&'static str, Times)>,
}

impl Repeats {
    /// Counts an exchange. One that failed only gives its status: why it failed, [`Repeats::failed`] is told.
    pub fn add(&mut self, seen: &Seen) {
        let series = self.series((&seen.method, &seen.url));
        if seen.complete {
            series.requests += 1;
            series.answered += 1;
            series.bytes += seen.bytes.unwrap_or(0);
            let phases = if seen.timing.kept { &mut series.kept } else { &mut series.new };
            phases.add(&seen.timing);
        }
        if let Some(status) = seen.status {
            *series.statuses.entry(status).or_default() += 1;
        }
    }

    /// Counts a failure of this request. One that was answered has been counted already.
    pub fn failed(&mut self, asked: &Asked, error: &Error) {
        let series = self.series((&asked.method, &asked.url));
        series.requests += u64::from(!asked.answered);
        let failures = &mut series.failures;
        let reason = error.to_string();
        let at = failures.iter().position(|(known, _)| *known == reason);
        match at.or_else(|| (failures.len() >= MOST_REASONS).then(|| failures.len() - 1)) {
            Some(at) => {
                if failures[at].0 != reason {
                    OTHERS.clone_into(&mut failures[at].0);
                }
                failures[at].1 += 1;
            }
            None => failures.push((reason, 1)),
        }
    }

    fn series(&mut self, (method, url): (&str, &str)) -> &mut Series {
        let known = self.series.iter().position(|series| series.method == method && series.url == url);
        let at = known.or_else(|| (self.series.len() > MOST_URLS).then_some(MOST_URLS)).unwrap_or_else(|| {
            let url = if self.series.len() == MOST_URLS { OTHERS } else { url };
            self.series.push(Series::new(method, url));
            self.series.len() - 1
        });
        &mut self.series[at]
    }
}

impl Series {
    fn new(method: &str, url: &str) -> Self {
        Series {
            method: method.to_owned(),
            url: url.to_owned(),
            requests: 0,
            answered: 0,
            bytes: 0,
            statuses: BTreeMap::new(),
            failures: Vec::new(),
            new: Phases::default(),
            kept: Phases::default(),
        }
    }

    fn failed(&self) -> u64 {
        self.failures.iter().map(|(_, times)| times).sum()
    }

    fn lines(&self) -> Vec<String> {
        let Series { method, url, requests, answered, bytes, .. } = self;
        let failed = self.failed();
        let head =
            format!("--- {method} {url}: {requests} requests, {answered} answered, {failed} failed, {bytes} bytes ---");
        let statuses: Vec<_> = self.statuses.iter().map(|(status, times)| format!("{status} ({times})")).collect();
        let statuses = (!statuses.is_empty()).then(|| format!("status: {}", statuses.join(", ")));
        let failures = self.failures.iter().map(|(reason, times)| format!("failed ({times}): {reason}"));
        let lines = [head].into_iter().chain(statuses).chain(failures);
        lines.chain(self.new.lines("new connections")).chain(self.kept.lines("kept connections")).collect()
    }

    fn fields(&self) -> Value {
        let statuses: Map<_, _> = self.statuses.iter().map(|(status, n)| (status.to_string(), json!(n))).collect();
        let failures: Map<_, _> = self.failures.iter().map(|(reason, n)| (reason.clone(), json!(n))).collect();
        json!({
            "event": "repeated",
            "method": self.method,
            "url": self.url,
            "requests": self.requests,
            "answered": self.answered,
            "failed": self.failed(),
            "bytes": self.bytes,
            "statuses": statuses,
            "failures": failures,
            "new": self.new.fields(),
            "kept": self.kept.fields(),
        })
    }
}

impl Phases {
    fn add(&mut self, timing: &Timing) {
        self.count += 1;
        let total = [("total", Some(timing.total()))];
        for (name, took) in phases(timing).into_iter().chain(total) {
            let Some(took) = took else { continue };
            let at = self.by_name.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
                self.by_name.push((name, Times::new()));
                self.by_name.len() - 1
            });
            self.by_name[at].1.add(took);
        }
    }

    fn lines(&self, title: &str) -> Vec<String> {
        if self.count == 0 {
            return vec![format!("{title}: none")];
        }
        let columns: String = ["min", "p50", "p90", "p99", "max"].map(|name| format!("{name:>9}")).concat();
        let heads = [format!("{title}: {}", self.count), format!("{:<12}{columns}", "  (ms)")];
        let rows = self.by_name.iter().filter_map(|(name, times)| {
            let found = times.distribution()?;
            let inexact = if found.exact { "" } else { "  within 0.4%" };
            let cells: String = five(&found).map(|(_, time)| millis(time)).concat();
            Some(format!("{:<12}{cells}{inexact}", format!("  {}", label(name))))
        });
        heads.into_iter().chain(rows).collect()
    }

    /// One object: the count, and the distribution of each phase in seconds.
    fn fields(&self) -> Value {
        let mut fields = Map::new();
        fields.insert("count".into(), json!(self.count));
        for (name, times) in &self.by_name {
            let found = times.distribution().map(|found| {
                let times = five(&found).map(|(name, time)| (name.to_owned(), json!(time.as_secs_f64())));
                times.into_iter().collect::<Map<_, _>>()
            });
            fields.insert((*name).into(), json!(found));
        }
        Value::Object(fields)
    }
}

fn five(found: &Distribution) -> [(&'static str, Duration); 5] {
    let Distribution { min, p50, p90, p99, max, .. } = *found;
    [("min", min), ("p50", p50), ("p90", p90), ("p99", p99), ("max", max)]
}

impl Voice {
    /// Tells on standard output what came of requests that were repeated.
    pub fn repeated(&self, repeats: &Repeats) -> Result<(), Error> {
        repeats.series.iter().try_for_each(|series| self.results(&series.lines(), &series.fields()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn seen(n: u64, kept: bool) -> Seen {
        let connect = (!kept).then_some(ms(n));
        let timing = Timing { kept, resolve: None, connect, tls: None, send: ms(1), first_byte: ms(2), body: ms(n) };
        Seen {
            method: "GET".into(),
            url: "http://h/".into(),
            peer: "127.0.0.1:80".into(),
            status: Some(200),
            reason: "OK".into(),
            bytes: Some(5),
            timing,
            complete: true,
        }
    }

    fn text(repeats: &Repeats) -> String {
        repeats.series.iter().flat_map(Series::lines).map(|line| line + "\n").collect()
    }

    #[test]
    fn new_and_kept_connections_have_a_table_each() {
        let mut repeats = Repeats::default();
        (1..=10).for_each(|n| repeats.add(&seen(n, false)));
        repeats.add(&seen(4, true));
        repeats.add(&Seen { complete: false, status: Some(503), ..seen(1, true) });
        repeats.failed(&asked("http://h/"), &Error::new(Kind::Short, "receive from", "h", "short"));
        let wanted = "\
--- GET http://h/: 12 requests, 11 answered, 1 failed, 55 bytes ---
status: 200 (11), 503 (1)
failed (1): receive from h: short
new connections: 10
  (ms)            min      p50      p90      p99      max
  connect       1.000    5.000    9.000   10.000   10.000
  send          1.000    1.000    1.000    1.000    1.000
  first byte    2.000    2.000    2.000    2.000    2.000
  body          1.000    5.000    9.000   10.000   10.000
  total         5.000   13.000   21.000   23.000   23.000
kept connections: 1
  (ms)            min      p50      p90      p99      max
  send          1.000    1.000    1.000    1.000    1.000
  first byte    2.000    2.000    2.000    2.000    2.000
  body          4.000    4.000    4.000    4.000    4.000
  total         7.000    7.000    7.000    7.000    7.000
";
        assert_eq!(text(&repeats), wanted);
        let fields = repeats.series[0].fields();
        assert_eq!(fields["new"]["connect"]["p90"], json!(0.009));
        assert_eq!((&fields["kept"]["count"], &fields["statuses"]["503"]), (&json!(1), &json!(1)));
    }

    fn asked(url: &str) -> Asked {
        Asked { method: "GET".into(), url: url.into(), answered: false }
    }

    #[test]
    fn an_answer_that_is_not_what_was_wanted_is_one_request() {
        let mut repeats = Repeats::default();
        repeats.add(&seen(1, false));
        repeats.failed(&Asked { answered: true, ..asked("http://h/") }, &Error::usage("not this"));
        assert!(text(&repeats).starts_with("--- GET http://h/: 1 requests, 1 answered, 1 failed, 5 bytes ---\n"));
    }

    #[test]
    fn nothing_grows_without_end() {
        let mut repeats = Repeats::default();
        for n in 0..100 {
            repeats.add(&Seen { url: format!("http://h/{n}"), ..seen(1, false) });
            repeats.failed(&asked("http://h/0"), &Error::usage(n));
        }
        assert_eq!(repeats.series.len(), MOST_URLS + 1);
        let last = &repeats.series[MOST_URLS];
        assert_eq!((last.url.as_str(), last.answered), (OTHERS, 68));
        let first = &repeats.series[0];
        assert_eq!((first.failures.len(), first.failed()), (MOST_REASONS, 100));
        assert!(text(&repeats).contains("kept connections: none\n"));
    }
}
