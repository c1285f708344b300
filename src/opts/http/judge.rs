//! Which answers are good ones, and how often the others are asked for again.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use crate::opts::values::{amount, duration, sha256};
use crate::proto::http::Header;
use crate::proto::http::coding::ACCEPT;
use crate::proto::http::retry::Backoff;

/// `--compressed --fail-with-body --max-filesize --expect-status --expect-sha256 --retry --retry-delay`.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Response")]
pub struct JudgeArgs {
    /// Ask for gzip or deflate, and write the body decoded, at most 4 GiB or --max-filesize (63)
    #[arg(long, conflicts_with = "resume")]
    compressed: bool,
    /// Exit with 22 when the status is 400 or more, but write the body
    #[arg(long, conflicts_with = "fail")]
    fail_with_body: bool,
    /// Take no body that is larger than SIZE (63), neither as it comes nor decoded
    #[arg(long, value_name = "SIZE", value_parser = amount, conflicts_with_all = ["head", "raw_head"])]
    max_filesize: Option<u64>,
    /// Exit with 1, once the body is written, unless the status is one of these: 200,204,3xx
    #[arg(long, value_name = "LIST")]
    expect_status: Option<Statuses>,
    /// Exit with 1 unless the body, as it is written, has this SHA-256; with --continue, the whole file
    #[arg(long, value_name = "HEX", value_parser = sha256, conflicts_with_all = ["head", "raw_head"])]
    expect_sha256: Option<[u8; 32]>,
    /// When refused, out of time or answered with 502, 503 or 504, ask up to N times more, unless something is written already; after 1 s, 2 s, 4 s or as Retry-After says
    #[arg(long, value_name = "N")]
    retry: Option<u32>,
    /// Wait this long before each retry, or as long as Retry-After says
    #[arg(long, value_name = "DUR", value_parser = delay, requires = "retry")]
    retry_delay: Option<Duration>,
}

impl JudgeArgs {
    /// The header lines of the requests: `theirs`, and what asks for a body that can be decoded here.
    pub fn headers(&self, theirs: Vec<Header>) -> Vec<Header> {
        let ours = self.compressed && !theirs.iter().any(|header| header.is("accept-encoding"));
        let ours = ours.then(|| Header::parse(&format!("Accept-Encoding: {ACCEPT}")).ok()).flatten();
        ours.into_iter().chain(theirs).collect()
    }

    /// Whether the body is decoded.
    pub fn decodes(&self) -> bool {
        self.compressed
    }

    /// Whether a status of 400 or more is a failure once the body is there.
    pub fn fails_with_body(&self) -> bool {
        self.fail_with_body
    }

    /// The most bytes that a body may have.
    pub fn max_filesize(&self) -> Option<u64> {
        self.max_filesize
    }

    /// The statuses that are expected, if not all are.
    pub fn statuses(&self) -> Option<&Statuses> {
        self.expect_status.as_ref()
    }

    /// The hash that the body is to have.
    pub fn sha256(&self) -> Option<[u8; 32]> {
        self.expect_sha256
    }

    /// How often, and after what times, a URL is asked for again.
    pub fn retries(&self) -> Backoff {
        let retries = self.retry.unwrap_or(0);
        self.retry_delay.map_or_else(|| Backoff::new(retries), |delay| Backoff::every(retries, delay))
    }
}

/// At most a day: no clock overflows.
fn delay(text: &str) -> Result<Duration, String> {
    const CEILING: Duration = Duration::from_secs(24 * 60 * 60);
    Some(duration(text)?).filter(|delay| *delay <= CEILING).ok_or_else(|| "more than a day".into())
}

/// Some of the statuses that an answer can have: `200`, `2xx`, several with commas between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statuses {
    /// First and last of each item.
    items: Vec<(u16, u16)>,
    text: String,
}

impl Statuses {
    /// Whether `status` is one of them.
    pub fn contain(&self, status: u16) -> bool {
        self.items.iter().any(|(first, last)| (*first..=*last).contains(&status))
    }

    /// Whether one of them says that the request has failed (RFC 9110 §15.5, §15.6).
    pub fn contain_a_failure(&self) -> bool {
        self.items.iter().any(|(_, last)| *last >= 400)
    }
}

impl FromStr for Statuses {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let items = text.split(',').map(|item| statuses(item.trim())).collect::<Option<_>>();
        let items = items.ok_or("statuses from 200 on and their classes, such as 200,204,3xx")?;
        Ok(Statuses { items, text: text.to_owned() })
    }
}

impl fmt::Display for Statuses {
    /// As it was written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// First and last of one item. Below 200 there is no final answer (RFC 9110 §15.2).
fn statuses(item: &str) -> Option<(u16, u16)> {
    let &[hundreds @ b'2'..=b'9', tens, ones] = item.as_bytes() else { return None };
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u16::from(byte - b'0'));
    let class = digit(hundreds)? * 100;
    if [tens, ones].iter().all(|byte| byte.eq_ignore_ascii_case(&b'x')) {
        return Some((class, class + 99));
    }
    let status = class + digit(tens)? * 10 + digit(ones)?;
    Some((status, status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_statuses() {
        let table: [(&str, &[u16], &[u16]); 5] = [
            ("200", &[200], &[199, 201]),
            ("200,204", &[200, 204], &[201]),
            ("2xx", &[200, 299], &[300]),
            ("404, 3XX", &[300, 399, 404], &[200, 400]),
            ("999,9xx", &[900, 999], &[599]),
        ];
        for (text, these, others) in table {
            let parsed: Statuses = text.parse().expect("it is a list");
            assert!(these.iter().all(|status| parsed.contain(*status)), "{text}");
            assert!(!others.iter().any(|status| parsed.contain(*status)), "{text}");
            assert_eq!(parsed.to_string(), text);
        }
        for text in ["", ",", "200,", "20", "2000", "1xx", "100", "0xx", "2x4", "2x", "xxx", "+20", "-200", "2 0", "ok"]
        {
            assert!(text.parse::<Statuses>().is_err(), "{text}");
        }
        let fails = |text: &str| text.parse::<Statuses>().expect("a list").contain_a_failure();
        assert!(!fails("200,3xx,399") && fails("200,400") && fails("5xx"));
    }

    #[test]
    fn delays_have_a_ceiling() {
        assert_eq!(delay("1.5"), Ok(Duration::from_millis(1500)));
        assert!(delay("86400").is_ok() && delay("86401").is_err() && delay("-1").is_err());
    }
}
