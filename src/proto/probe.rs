//! One name for the questions that a datagram can ask: DNS, NTP, STUN, SNMP, an echo, or bytes of the user's own.
//!
//! Owns the choice. Refuses to know a protocol: each has its own module, and says itself what its answer means.
//!
//! ```
//! use std::time::{Duration, UNIX_EPOCH};
//! use sockkit::proto::probe::{Nonce, Probe, Times};
//!
//! let probe: Probe = "echo".parse()?;
//! let question = probe.question(Nonce([0xab; 16]));
//! let times = Times { sent: UNIX_EPOCH, took: Duration::from_millis(1) };
//! let answer = question.read(&question.bytes().to_vec(), times)?;
//! assert_eq!(answer.summary(), "the same 51 bytes came back");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use super::packet::{digits, malformed};
use super::snmp::{Access, Version};
use super::{dns, escape, ntp, snmp, stun};

pub use super::packet::{Field, Reason, Value};

/// RFC 862.
const ECHO_PORT: u16 = 7;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A name and a type.
    Dns(dns::Query),
    /// The time.
    Ntp,
    /// Our own address.
    Stun,
    /// What the device is, and since when it is up.
    Snmp(Access),
    /// A random text, which must come back.
    Echo,
    /// These bytes; any answer will do.
    Data(Vec<u8>),
}

/// `dns`, `dns=NAME`, `dns=NAME/TYPE`, `ntp`, `stun`, `snmp`, `snmp=COMMUNITY`, `snmpv1`, `snmpv1=COMMUNITY`, `echo`.
impl FromStr for Probe {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (protocol, detail) = match text.split_once('=') {
            Some((protocol, detail)) => (protocol, Some(detail)),
            None => (text, None),
        };
        match (protocol, detail) {
            ("dns", detail) => detail.map_or(Ok(dns::Query::default()), str::parse).map(Probe::Dns),
            ("snmp", detail) => Access::new(Version::V2c, detail.unwrap_or("public")).map(Probe::Snmp),
            ("snmpv1", detail) => Access::new(Version::V1, detail.unwrap_or("public")).map(Probe::Snmp),
            ("ntp", None) => Ok(Probe::Ntp),
            ("stun", None) => Ok(Probe::Stun),
            ("echo", None) => Ok(Probe::Echo),
            ("ntp" | "stun" | "echo", Some(_)) => Err(format!("nothing follows {protocol}")),
            _ => Err("dns[=NAME[/TYPE]], ntp, stun, snmp[=COMMUNITY], snmpv1[=COMMUNITY] or echo".into()),
        }
    }
}

/// What a question is known by when it comes back: nobody may be able to guess it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce(pub [u8; 16]);

impl Nonce {
    /// So many of its bytes.
    fn cut<const N: usize>(self) -> [u8; N] {
        std::array::from_fn(|nth| self.0[nth % self.0.len()])
    }

    /// SNMP's numbers are signed.
    fn positive(self) -> u32 {
        u32::from_be_bytes(self.cut()) & u32::MAX >> 1
    }
}

/// When the answer came, on two clocks.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// What our clock showed when the question left.
    pub sent: SystemTime,
    /// How much later the answer came.
    pub took: Duration,
}

impl Probe {
    /// Its name on the command line and in a report.
    pub fn name(&self) -> &'static str {
        match self {
            Probe::Dns(_) => "dns",
            Probe::Ntp => "ntp",
            Probe::Stun => "stun",
            Probe::Snmp(_) => "snmp",
            Probe::Echo => "echo",
            Probe::Data(_) => "data",
        }
    }

    /// The port on which its servers are, if it has one.
    pub fn port(&self) -> Option<u16> {
        Some(match self {
            Probe::Dns(_) => dns::PORT,
            Probe::Ntp => ntp::PORT,
            Probe::Stun => stun::PORT,
            Probe::Snmp(_) => snmp::PORT,
            Probe::Echo => ECHO_PORT,
            Probe::Data(_) => return None,
        })
    }

    /// Why a server that is there may say nothing.
    pub fn silence(&self) -> Option<&'static str> {
        match self {
            Probe::Snmp(_) => Some("an agent answers the wrong community or version with silence"),
            Probe::Ntp => Some("a server that does not know its clients may answer with silence"),
            _ => None,
        }
    }

    /// The datagram that asks. Each try has a nonce of its own, so that an answer tells which one it is to.
    pub fn question(&self, nonce: Nonce) -> Question<'_> {
        let bytes = match self {
            Probe::Dns(query) => query.encode(u16::from_be_bytes(nonce.cut())),
            Probe::Ntp => ntp::encode(u64::from_be_bytes(nonce.cut())),
            Probe::Stun => stun::encode(nonce.cut()),
            Probe::Snmp(access) => access.encode(nonce.positive()),
            Probe::Echo => format!("sockkit echo probe {:032x}", u128::from_be_bytes(nonce.0)).into_bytes(),
            Probe::Data(bytes) => bytes.clone(),
        };
        Question { probe: self, nonce, bytes }
    }
}

/// A question that was asked.
#[derive(Clone, Debug)]
pub struct Question<'p> {
    probe: &'p Probe,
    nonce: Nonce,
    bytes: Vec<u8>,
}

impl Question<'_> {
    /// The datagram.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What `answer`, a whole datagram, says to it.
    pub fn read(&self, answer: &[u8], times: Times) -> Result<Answer, Reason> {
        let nonce = self.nonce;
        match self.probe {
            Probe::Dns(query) => query.decode(u16::from_be_bytes(nonce.cut()), answer).map(Answer::Dns),
            Probe::Ntp => ntp::decode(u64::from_be_bytes(nonce.cut()), answer, times.sent, times.took).map(Answer::Ntp),
            Probe::Stun => stun::decode(nonce.cut(), answer).map(Answer::Stun),
            Probe::Snmp(access) => access.decode(nonce.positive(), answer).map(Answer::Snmp),
            Probe::Echo if answer == self.bytes => Ok(Answer::Echo(answer.len())),
            Probe::Echo => Err(malformed(format!("{} other bytes came back", answer.len()))),
            Probe::Data(_) => Ok(Answer::Data(answer.to_vec())),
        }
    }
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A server's, whatever its response code.
    Dns(dns::Reply),
    /// The time, or a kiss-o'-death.
    Ntp(ntp::Reply),
    /// Our address, or an error.
    Stun(stun::Reply),
    /// Values, or an error.
    Snmp(snmp::Reply),
    /// The same so many bytes.
    Echo(usize),
    /// Any bytes.
    Data(Vec<u8>),
}

impl Answer {
    /// The most important of it, in a line.
    pub fn summary(&self) -> String {
        match self {
            Answer::Dns(reply) => reply.summary(),
            Answer::Ntp(reply) => reply.summary(),
            Answer::Stun(reply) => reply.summary(),
            Answer::Snmp(reply) => reply.summary(),
            Answer::Echo(size) => format!("the same {size} bytes came back"),
            Answer::Data(bytes) => format!("{} bytes", bytes.len()),
        }
    }

    /// The rest, in lines.
    pub fn details(&self) -> Vec<String> {
        match self {
            Answer::Dns(reply) => reply.details(),
            Answer::Ntp(reply) => reply.details(),
            Answer::Stun(reply) => reply.details(),
            Answer::Snmp(reply) => reply.details(),
            Answer::Echo(_) => Vec::new(),
            Answer::Data(bytes) => vec![format!("text: {}", escape(bytes)), format!("hex: {}", digits(bytes))],
        }
    }

    /// All of it, for a report.
    pub fn fields(&self) -> Vec<Field> {
        match self {
            Answer::Dns(reply) => reply.fields(),
            Answer::Ntp(reply) => reply.fields(),
            Answer::Stun(reply) => reply.fields(),
            Answer::Snmp(reply) => reply.fields(),
            Answer::Echo(_) => Vec::new(),
            Answer::Data(bytes) => vec![("text", Value::Text(escape(bytes))), ("hex", Value::Text(digits(bytes)))],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use proptest::prelude::*;

    use super::*;

    const ALL: &[&str] = &["dns", "dns=probe.test/AAAA", "ntp", "stun", "snmp", "snmp=x", "snmpv1", "echo"];
    const TIMES: Times = Times { sent: UNIX_EPOCH, took: Duration::ZERO };

    fn probe(text: &str) -> Probe {
        text.parse().expect(text)
    }

    #[test]
    fn names() {
        let ports: Vec<_> = ALL.iter().map(|text| (probe(text).name(), probe(text).port())).collect();
        assert_eq!(
            ports,
            [
                ("dns", Some(53)),
                ("dns", Some(53)),
                ("ntp", Some(123)),
                ("stun", Some(3478)),
                ("snmp", Some(161)),
                ("snmp", Some(161)),
                ("snmp", Some(161)),
                ("echo", Some(7))
            ]
        );
        assert_eq!((Probe::Data(Vec::new()).name(), Probe::Data(Vec::new()).port()), ("data", None));
        for text in ["", "DNS", "dns=", "dns=a/B", "ntp=", "stun=x", "echo=x", "snmpv3", "tftp", "dns ", "=dns"] {
            assert!(text.parse::<Probe>().is_err(), "{text}");
        }
        assert_eq!(probe("snmp=a=b"), Probe::Snmp(Access::new(Version::V2c, "a=b").expect("it is short")));
    }

    #[test]
    fn each_try_has_a_question_of_its_own_and_knows_its_echo() {
        for text in ALL {
            let probe = probe(text);
            let (one, other) = (probe.question(Nonce([1; 16])), probe.question(Nonce([2; 16])));
            assert_ne!(one.bytes(), other.bytes(), "{text}");
            let echoed = one.read(one.bytes(), TIMES);
            match probe {
                Probe::Echo => {
                    assert_eq!(echoed.map(|answer| answer.summary()).as_deref(), Ok("the same 51 bytes came back"));
                }
                _ => assert!(matches!(echoed, Err(Reason::Malformed(_))), "{text}: {echoed:?}"),
            }
        }
        let echo = probe("echo");
        let other = echo.question(Nonce([2; 16])).read(echo.question(Nonce([1; 16])).bytes(), TIMES);
        assert_eq!(other, Err(malformed("51 other bytes came back")));
    }

    #[test]
    fn any_answer_to_ones_own_question_will_do() {
        let probe = Probe::Data(b"hello\0".to_vec());
        let question = probe.question(Nonce([0; 16]));
        assert_eq!(question.bytes(), b"hello\0");
        let answer = question.read(b"hi\x1b\xff", TIMES).expect("any bytes");
        assert_eq!(
            (answer.summary(), answer.details()),
            ("4 bytes".into(), vec![r"text: hi\x1b\xff".into(), "hex: 68691bff".into()])
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_probe_panic(bytes: Vec<u8>, nonce: [u8; 16], nth in 0..ALL.len()) {
            let probe = probe(ALL[nth]);
            let question = probe.question(Nonce(nonce));
            let _ = question.read(&bytes, TIMES);
            // What begins as a question does gets further than what does not.
            let mut changed = question.bytes().to_vec();
            changed.iter_mut().skip(2).zip(&bytes).for_each(|(old, new)| *old = *new);
            let _ = question.read(&changed, TIMES);
        }
    }
}
