//! What each address of a name has answered: a table on standard output, or an object an address.
//!
//! Owns its wording, and when answers are alike. Refuses to ask.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Voice;
use super::waterfall::{Seen, millis};
use super::wording::timing_fields;
use crate::error::Error;

/// The table of one URL, told line by line.
pub struct Table<'a> {
    voice: &'a Voice,
    method: &'a str,
    url: &'a str,
    addresses: usize,
    /// Of the column of addresses.
    width: usize,
    has_tls: bool,
}

/// The answers so far.
#[derive(Debug, Default)]
pub struct Answers {
    statuses: BTreeMap<u16, u64>,
    failed: u64,
}

impl Answers {
    /// Whether all that answered gave the same status.
    pub fn are_alike(&self) -> bool {
        self.statuses.len() < 2
    }
}

impl<'a> Table<'a> {
    /// For `method` and `url`, at these addresses; `has_tls` gives it a column for that.
    pub fn new(voice: &'a Voice, method: &'a str, url: &'a str, addresses: &[SocketAddr], has_tls: bool) -> Self {
        let longest = addresses.iter().map(|address| address.to_string().len()).max();
        let width = longest.unwrap_or(0).max("address".len());
        Table { voice, method, url, addresses: addresses.len(), width, has_tls }
    }

    /// The head of the table.
    pub fn begin(&self) -> Result<(), Error> {
        if self.voice.settings().json {
            return Ok(());
        }
        let plural = if self.addresses == 1 { "" } else { "es" };
        let title = format!("--- {} {}: {} address{plural}, times in ms ---", self.method, self.url, self.addresses);
        self.voice.results(&[title, self.head()], &Value::Null)
    }

    /// What came of one: what was seen of its exchange, if it had one, and why it failed, if it did.
    pub fn row(
        &self,
        answers: &mut Answers,
        address: SocketAddr,
        seen: Option<&Seen>,
        error: Option<&Error>,
    ) -> Result<(), Error> {
        answers.failed += u64::from(error.is_some());
        if let (None, Some(status)) = (error, seen.and_then(|seen| seen.status)) {
            *answers.statuses.entry(status).or_default() += 1;
        }
        let line = self.line(address, seen, error);
        self.voice.results(&[line], &self.fields(address, seen, error))
    }

    /// What they have in common.
    pub fn end(&self, answers: &Answers) -> Result<(), Error> {
        let Answers { statuses, failed } = answers;
        let counted: Vec<_> = statuses.iter().map(|(status, times)| format!("{status} ({times})")).collect();
        let differ = if answers.are_alike() { "" } else { ", the answers differ" };
        let failed_part = if *failed > 0 { format!("{failed} failed") } else { String::new() };
        let parts: Vec<_> = counted.into_iter().chain([failed_part]).filter(|part| !part.is_empty()).collect();
        let statuses: Map<_, _> = statuses.iter().map(|(status, n)| (status.to_string(), json!(n))).collect();
        let fields = json!({
            "event": "addresses", "url": self.url, "addresses": self.addresses, "alike": answers.are_alike(),
            "statuses": statuses, "failed": failed,
        });
        self.voice.results(&[format!("status: {}{differ}", parts.join(", "))], &fields)
    }

    fn head(&self) -> String {
        let tls = if self.has_tls { format!("{:>9}", "TLS") } else { String::new() };
        let columns = format!("{:>9}{tls} 1st byte{:>9}", "connect", "total");
        format!("{:<width$}  status{:>10}{columns}", "address", "bytes", width = self.width)
    }

    fn line(&self, address: SocketAddr, seen: Option<&Seen>, error: Option<&Error>) -> String {
        let status = cell(seen.and_then(|seen| seen.status));
        let bytes = cell(seen.and_then(|seen| seen.bytes));
        let timing = seen.map(|seen| seen.timing);
        let connect = timing.and_then(|timing| timing.connect);
        let tls = self.has_tls.then(|| timing.and_then(|timing| timing.tls));
        let answered = timing.filter(|_| seen.is_some_and(|seen| seen.status.is_some()));
        let times = [connect]
            .into_iter()
            .chain(tls)
            .chain([answered.map(|timing| timing.first_byte), timing.map(|timing| timing.total())]);
        let times: String = times.map(time).collect();
        let reason = error.map_or_else(String::new, |error| format!("  {error}"));
        format!("{:<width$}  {status:>6}{bytes:>10}{times}{reason}", address.to_string(), width = self.width)
    }

    fn fields(&self, address: SocketAddr, seen: Option<&Seen>, error: Option<&Error>) -> Value {
        json!({
            "event": "address",
            "method": self.method,
            "url": self.url,
            "address": address.to_string(),
            "status": seen.and_then(|seen| seen.status),
            "bytes": seen.and_then(|seen| seen.bytes),
            "timing": seen.map(|seen| timing_fields(&seen.timing, seen.complete)),
            "error": error.map(ToString::to_string),
        })
    }
}

fn cell(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".into(), |value| value.to_string())
}

fn time(took: Option<Duration>) -> String {
    took.map_or_else(|| format!("{:>9}", "-"), millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::event::http::Timing;
    use crate::report::Settings;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn the_columns_stand_below_one_another() {
        let voice = Voice::new(Settings::default());
        let addresses: Vec<SocketAddr> = ["127.0.0.1:80", "[2001:db8::1]:80"].map(|a| a.parse().expect("one")).into();
        let table = |has_tls| Table::new(&voice, "GET", "http://h/", &addresses, has_tls);
        let timing = Timing {
            kept: false,
            resolve: None,
            connect: Some(ms(3)),
            tls: Some(ms(4)),
            send: ms(0),
            first_byte: ms(20),
            body: ms(1),
        };
        let seen = Seen {
            method: "GET".into(),
            url: "http://h/".into(),
            peer: String::new(),
            status: Some(200),
            reason: "OK".into(),
            bytes: Some(12345),
            timing,
            complete: true,
        };
        let refused = Error::new(Kind::Refused, "connect to", "x", "refused");
        let wanted = "\
address           status     bytes  connect      TLS 1st byte    total
127.0.0.1:80         200     12345    3.000    4.000   20.000   28.000
[2001:db8::1]:80       -         -        -        -        -        -  connect to x: refused";
        let table_lines = |table: &Table<'_>| {
            let rows = [(addresses[0], Some(&seen), None), (addresses[1], None, Some(&refused))];
            let rows = rows.map(|(address, seen, error)| table.line(address, seen, error));
            [vec![table.head()], rows.into()].concat().join("\n")
        };
        assert_eq!(table_lines(&table(true)), wanted);
        assert!(!table_lines(&table(false)).contains("TLS"));
        let fields = table(true).fields(addresses[1], None, Some(&refused));
        assert_eq!((&fields["status"], &fields["error"]), (&Value::Null, &json!("connect to x: refused")));
    }
}
