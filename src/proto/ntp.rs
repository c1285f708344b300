//! NTP's question of a client and a server's answer (RFC 5905), without authentication.
//!
//! Owns the packet and the arithmetic of its clock. Refuses to set a clock, to ask twice and to judge: one round trip
//! tells the offset to within half of the delay.
//!
//! ```
//! use std::time::{Duration, UNIX_EPOCH};
//! use sockkit::proto::ntp::{Reply, decode, encode};
//!
//! // A server whose clock was 1 s past midnight of 1 January 1970 when the question came, and sent at once.
//! let mut answer = encode(0x0123_4567_89ab_cdef);
//! answer[0] = 0x24;
//! answer[1] = 1;
//! answer[24..32].copy_from_slice(&0x0123_4567_89ab_cdef_u64.to_be_bytes());
//! answer[32..40].copy_from_slice(&(2_208_988_801_u64 << 32).to_be_bytes());
//! answer[40..48].copy_from_slice(&(2_208_988_801_u64 << 32).to_be_bytes());
//!
//! // Ours was at midnight when the question left; the answer came half a second later.
//! let Reply::Time(time) = decode(0x0123_4567_89ab_cdef, &answer, UNIX_EPOCH, Duration::from_millis(500))? else { panic!() };
//! assert_eq!((time.offset, time.delay), (750_000_000, 500_000_000));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::packet::{Field, Reader, Reason, Value, malformed};

/// Port of a server (RFC 5905 §7.2).
pub const PORT: u16 = 123;

const VERSION: u8 = 4;
const CLIENT: u8 = 3;
const SERVER: u8 = 4;

const NANOS: i128 = 1_000_000_000;

/// From the start of NTP's first era, 1900, to that of UNIX time.
const EPOCH: i128 = 2_208_988_800 * NANOS;

/// The question. `nonce` stands where our clock could: the server gives it back, and learns nothing of us from it
/// (draft-ietf-ntp-data-minimization).
pub fn encode(nonce: u64) -> Vec<u8> {
    let mut packet = vec![0; 48];
    packet[0] = VERSION << 3 | CLIENT;
    packet[40..].copy_from_slice(&nonce.to_be_bytes());
    packet
}

/// The answer to the question with `nonce`, which left when our clock showed `sent`; the answer came `took` later.
pub fn decode(nonce: u64, answer: &[u8], sent: SystemTime, took: Duration) -> Result<Reply, Reason> {
    let packet = Packet::read(&mut Reader::new(answer))?;
    packet.check(nonce, answer.len())?;
    match packet.kiss() {
        Some(code) => Ok(Reply::Kiss(code)),
        None => packet.time(timestamp(sent), timestamp(sent + took)).map(Reply::Time),
    }
}

/// What a server says.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// What it knows of the time.
    Time(Time),
    /// It does not want to tell: a kiss-o'-death, of four printable characters (RFC 5905 §7.4).
    Kiss(String),
}

/// A server's time, and how well it knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Time {
    /// Nanoseconds by which the server's clock is ahead of ours.
    pub offset: i64,
    /// Nanoseconds that question and answer were on their way.
    pub delay: i64,
    /// How many servers it is from a clock; 0 and 16 for a server that has no time.
    pub stratum: u8,
    /// Where it has the time from.
    pub reference: String,
    /// Seconds since it last heard from there, if it ever has.
    pub age: Option<f64>,
    /// 0 to 3 (RFC 5905, figure 9).
    pub leap: u8,
    /// Its version of the protocol.
    pub version: u8,
    /// The resolution of its clock, as a power of two in seconds.
    pub precision: i8,
    /// Seconds from there to the clock and back.
    pub root_delay: f64,
    /// Seconds by which it may be wrong.
    pub root_dispersion: f64,
}

impl Reply {
    /// `stratum 2, offset +0.000123 s, delay 0.000456 s`
    pub fn summary(&self) -> String {
        match self {
            Reply::Kiss(code) => format!("kiss-o'-death {code}{}", bracketed(kiss_words(code))),
            Reply::Time(time) => {
                let unsure = if time.is_synchronised() { "" } else { ", not synchronised" };
                let (offset, delay) = (seconds(time.offset), seconds(time.delay));
                format!("stratum {}{unsure}, offset {offset:+.6} s, delay {delay:.6} s", time.stratum)
            }
        }
    }

    /// The rest of what it says, in lines.
    pub fn details(&self) -> Vec<String> {
        let Reply::Time(time) = self else { return Vec::new() };
        let age = time.age.map(|age| format!(", heard {age:.3} s before"));
        vec![
            format!("leap: {}", leap_words(time.leap)),
            format!("reference: {}{}", time.reference, age.unwrap_or_default()),
            format!("root delay: {:.6} s, root dispersion: {:.6} s", time.root_delay, time.root_dispersion),
            format!("version: {}, precision: 2^{} s", time.version, time.precision),
        ]
    }

    /// The same for a report.
    pub fn fields(&self) -> Vec<Field> {
        let time = match self {
            Reply::Kiss(code) => return vec![("kiss", Value::text(code))],
            Reply::Time(time) => time,
        };
        let mut fields = vec![
            ("stratum", Value::Count(time.stratum.into())),
            ("offset", Value::Real(seconds(time.offset))),
            ("delay", Value::Real(seconds(time.delay))),
            ("synchronised", Value::Flag(time.is_synchronised())),
            ("leap", Value::Count(time.leap.into())),
            ("reference", Value::text(&time.reference)),
            ("root_delay", Value::Real(time.root_delay)),
            ("root_dispersion", Value::Real(time.root_dispersion)),
            ("version", Value::Count(time.version.into())),
            ("precision", Value::Integer(time.precision.into())),
        ];
        fields.extend(time.age.map(|age| ("age", Value::Real(age))));
        fields
    }
}

impl Time {
    /// Whether the server says that it has the time from somewhere.
    pub fn is_synchronised(&self) -> bool {
        self.leap != 3 && (1..16).contains(&self.stratum)
    }
}

/// The fields of RFC 5905 §7.3, in their order. Times are in units of 2⁻³² s since the start of an era.
struct Packet {
    leap: u8,
    version: u8,
    mode: u8,
    stratum: u8,
    precision: i8,
    root_delay: u32,
    root_dispersion: u32,
    reference: [u8; 4],
    reference_time: u64,
    origin: u64,
    receive: u64,
    transmit: u64,
}

impl Packet {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Reason> {
        let what = "the header of 48 bytes";
        let [first, stratum, _poll, precision] = reader.array(what)?;
        Ok(Packet {
            leap: first >> 6,
            version: first >> 3 & 7,
            mode: first & 7,
            stratum,
            precision: precision.cast_signed(),
            root_delay: reader.u32(what)?,
            root_dispersion: reader.u32(what)?,
            reference: reader.array(what)?,
            reference_time: reader.u64(what)?,
            origin: reader.u64(what)?,
            receive: reader.u64(what)?,
            transmit: reader.u64(what)?,
        })
    }

    /// Before anything else is believed: that it is a server's answer to this question.
    fn check(&self, nonce: u64, length: usize) -> Result<(), Reason> {
        if self.mode != SERVER {
            return Err(malformed(format!("its mode is {}, and a server's is {SERVER}", self.mode)));
        }
        if self.origin != nonce {
            return Err(Reason::Stray("its origin is not what was sent"));
        }
        if !(1..=VERSION).contains(&self.version) {
            return Err(malformed(format!("its version is {}", self.version)));
        }
        // Extension fields and a MAC may follow, in words of 32 bits (RFC 7822).
        if !length.is_multiple_of(4) {
            return Err(malformed(format!("{length} bytes are no whole number of words")));
        }
        if self.stratum > 16 {
            return Err(malformed(format!("its stratum is {}", self.stratum)));
        }
        Ok(())
    }

    /// An unsynchronised server may send stratum 0 too, without a code.
    fn kiss(&self) -> Option<String> {
        let is_code = self.stratum == 0 && self.reference.iter().all(u8::is_ascii_graphic);
        is_code.then(|| text(&self.reference))
    }

    /// RFC 5905 §8: T1 is `asked`, T4 `answered`. All differences are taken modulo an era of 136 years, so it does not
    /// matter in which one a clock is, while the two are less than 68 years apart.
    fn time(&self, asked: u64, answered: u64) -> Result<Time, Reason> {
        if self.receive == 0 || self.transmit == 0 {
            return Err(malformed("it tells no time"));
        }
        let since = |later: u64, earlier: u64| i128::from(later.wrapping_sub(earlier).cast_signed());
        let twice = since(self.receive, asked) + since(self.transmit, answered);
        let delay = since(answered, asked) - since(self.transmit, self.receive);
        let age = (self.reference_time != 0).then(|| seconds(nanos(since(self.transmit, self.reference_time), 32)));
        Ok(Time {
            offset: nanos(twice, 33),
            delay: nanos(delay, 32),
            stratum: self.stratum,
            reference: self.reference(),
            age,
            leap: self.leap,
            version: self.version,
            precision: self.precision,
            root_delay: f64::from(self.root_delay) / 65536.0,
            root_dispersion: f64::from(self.root_dispersion) / 65536.0,
        })
    }

    /// A clock's name at stratum 1; after that an IPv4 address, or of an IPv6 address four bytes of a hash.
    fn reference(&self) -> String {
        let end = self.reference.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
        let name = &self.reference[..end];
        match self.stratum {
            _ if name.is_empty() => "none".into(),
            1 if name.iter().all(u8::is_ascii_graphic) => text(name),
            _ => Ipv4Addr::from(self.reference).to_string(),
        }
    }
}

fn text(ascii: &[u8]) -> String {
    ascii.iter().map(|&byte| char::from(byte)).collect()
}

/// NTP's time for ours, in whichever era: the upper half is seconds, the lower one their fraction.
fn timestamp(time: SystemTime) -> u64 {
    let since = |earlier: SystemTime, later: SystemTime| {
        later.duration_since(earlier).ok().and_then(|gap| i128::try_from(gap.as_nanos()).ok())
    };
    let unix = since(UNIX_EPOCH, time).or_else(|| since(time, UNIX_EPOCH).map(|gap| -gap)).unwrap_or(0);
    let units = ((unix + EPOCH) << 32).div_euclid(NANOS);
    // The remainder fits by its definition.
    u64::try_from(units.rem_euclid(1 << 64)).unwrap_or(0)
}

/// Units of 2⁻ⁿ s as nanoseconds. No difference of two times, nor the mean of two, is too large for that.
fn nanos(units: i128, n: u32) -> i64 {
    i64::try_from((units * NANOS) >> n).unwrap_or(i64::MAX)
}

fn seconds(nanos: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "for reading: 53 bits hold the microseconds of 285 years")]
    let nanos = nanos as f64;
    nanos / 1e9
}

fn leap_words(leap: u8) -> &'static str {
    match leap {
        0 => "none",
        1 => "the last minute of this month has 61 s",
        2 => "the last minute of this month has 59 s",
        _ => "not synchronised",
    }
}

/// RFC 5905, figure 13, those that a client meets.
fn kiss_words(code: &str) -> &'static str {
    match code {
        "DENY" | "RSTR" => "access is denied",
        "RATE" => "asked too often",
        "INIT" => "not yet synchronised",
        "STEP" => "its clock was set just now",
        "AUTH" | "AUTO" | "CRYP" | "NKEY" => "authentication failed",
        _ => "",
    }
}

fn bracketed(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(" ({words})") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::proto::packet::hex;

    const NONCE: u64 = 0x0123_4567_89ab_cdef;

    /// chronyd 4.3 with `local stratum 5`, asked when the clock of the same machine showed [`ASKED`].
    const LOCAL: &str = "240500e600000000000000007f7f0101eeac3017d7e4c2e7
        0123456789abcdefeeac301980f6df4deeac301981006a16";
    const ASKED: Duration = Duration::from_micros(1_795_273_113_503_611);
    /// The same without any source of time.
    const UNSYNCHRONISED: &str = "e40000e600000001000000010000000000000000000000000123456789abcdef
        eeac301981161961eeac3019811a0aa4";

    fn at(time: Duration) -> SystemTime {
        UNIX_EPOCH + time
    }

    fn read(packet: &[u8]) -> Result<Reply, Reason> {
        decode(NONCE, packet, at(ASKED), Duration::from_nanos(503_400))
    }

    #[test]
    fn recorded_answers() {
        let local = read(&hex(LOCAL)).expect("it is whole");
        assert_eq!(local.summary(), "stratum 5, offset -0.000023 s, delay 0.000358 s");
        assert_eq!(
            local.details(),
            [
                "leap: none",
                "reference: 127.127.1.1, heard 1.661 s before",
                "root delay: 0.000000 s, root dispersion: 0.000000 s",
                "version: 4, precision: 2^-26 s"
            ]
        );
        let other = decode(NONCE, &hex(UNSYNCHRONISED), at(ASKED), Duration::from_millis(1)).expect("it is whole");
        assert!(other.summary().starts_with("stratum 0, not synchronised, offset +0.0"), "{}", other.summary());
        assert_eq!(other.details()[..2], ["leap: not synchronised", "reference: none"]);
    }

    #[test]
    fn the_question_is_a_clients_and_says_nothing_of_our_clock() {
        let question = encode(NONCE);
        assert_eq!((question[0], question.len()), (0x23, 48));
        assert!(question[1..40].iter().all(|&b| b == 0));
        assert_eq!(question[40..], NONCE.to_be_bytes());
        // An echo of it is no answer.
        assert_eq!(read(&question), Err(malformed("its mode is 3, and a server's is 4")));
    }

    /// A place in the packet, and what stands there instead.
    type Change<'a> = (usize, &'a [u8]);

    fn changed(changes: &[Change]) -> Vec<u8> {
        let mut packet = hex(LOCAL);
        for (at, bytes) in changes {
            packet[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        packet
    }

    #[test]
    fn references_and_kisses() {
        let time = |changes: &[Change]| match read(&changed(changes)) {
            Ok(Reply::Time(time)) => time,
            other => panic!("{other:?}"),
        };
        assert_eq!(time(&[(1, &[1]), (12, b"GPS\0")]).reference, "GPS");
        assert_eq!(time(&[(1, &[1]), (12, b"G\x1bS\0")]).reference, "71.27.83.0");
        assert_eq!(time(&[(1, &[2]), (12, &[192, 0, 2, 1])]).reference, "192.0.2.1");
        assert_eq!(time(&[(4, &[0, 1, 0x80, 0]), (8, &[0, 0, 0x40, 0])]).root_delay.to_string(), "1.5");
        assert!(!time(&[(1, &[16])]).is_synchronised() && !time(&[(0, &[0xe4])]).is_synchronised());
        let kiss = |code: &[u8]| read(&changed(&[(1, &[0]), (12, code), (32, &[0; 16])])).map(|reply| reply.summary());
        assert_eq!(kiss(b"RATE").as_deref(), Ok("kiss-o'-death RATE (asked too often)"));
        assert_eq!(kiss(b"XYZ!").as_deref(), Ok("kiss-o'-death XYZ!"));
        assert_eq!(kiss(b"\x1b[2J"), Err(malformed("it tells no time")));
    }

    #[test]
    fn malformed_answers() {
        let table: &[(&[Change], Reason)] = &[
            (&[(0, &[0x25])], malformed("its mode is 5, and a server's is 4")),
            (&[(0, &[0x3c])], malformed("its version is 7")),
            (&[(0, &[0x04])], malformed("its version is 0")),
            (&[(24, &[9])], Reason::Stray("its origin is not what was sent")),
            (&[(1, &[17])], malformed("its stratum is 17")),
            (&[(40, &[0; 8])], malformed("it tells no time")),
            (&[(32, &[0; 8])], malformed("it tells no time")),
        ];
        for (changes, why) in table {
            assert_eq!(read(&changed(changes)).as_ref(), Err(why));
        }
        let whole = hex(LOCAL);
        for length in 0..whole.len() {
            assert_eq!(read(&whole[..length]), Err(malformed("it ends inside the header of 48 bytes")));
        }
        let with_mac = [whole.as_slice(), &[0; 20]].concat();
        assert!(read(&with_mac).is_ok());
        assert_eq!(read(&with_mac[..49]), Err(malformed("49 bytes are no whole number of words")));
    }

    /// The offset and delay of a server whose clock is `ahead` of ours, over a way of `there` and `back`.
    fn asked(ours: SystemTime, ahead: i64, there: Duration, back: Duration) -> (i64, i64) {
        let shift = |time: SystemTime| {
            let gap = Duration::from_nanos(ahead.unsigned_abs());
            if ahead < 0 { time - gap } else { time + gap }
        };
        let held = Duration::from_millis(3);
        let (received, sent) = (shift(ours + there), shift(ours + there + held));
        let packet = changed(&[(32, &timestamp(received).to_be_bytes()), (40, &timestamp(sent).to_be_bytes())]);
        match decode(NONCE, &packet, ours, there + held + back) {
            Ok(Reply::Time(time)) => (time.offset, time.delay),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_offset_does_not_care_for_eras() {
        const YEAR: i64 = 365 * 86_400;
        // The first era ends on 7 February 2036.
        let ends = at(Duration::from_secs(2_085_978_496));
        assert_eq!((timestamp(ends), timestamp(ends - Duration::from_secs(1))), (0, u64::from(u32::MAX) << 32));
        let (ms, way) = (Duration::from_millis(10), Duration::from_millis(9));
        for ours in [UNIX_EPOCH, at(ASKED), ends, ends + ms, ends - ms, UNIX_EPOCH - ms] {
            for ahead in [0, 1_500_000_000, -250_000_000, 60 * YEAR * 1_000_000_000, -60 * YEAR * 1_000_000_000] {
                let (offset, delay) = asked(ours, ahead, way, way);
                assert!((offset - ahead).abs() <= 2 && (delay - 18_000_000).abs() <= 2, "{ahead}: {offset}, {delay}");
            }
        }
        let (offset, delay) = asked(at(ASKED), 0, Duration::ZERO, 2 * ms);
        assert!(
            (offset + 10_000_000).abs() <= 2 && (delay - 20_000_000).abs() <= 2,
            "all of the delay on the way back"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, late: u64) {
            let _ = read(&bytes);
            let mut packet = hex(LOCAL);
            packet.iter_mut().zip(&bytes).skip(24).for_each(|(old, new)| *old = *new);
            packet[24..32].copy_from_slice(&NONCE.to_be_bytes());
            if let Ok(reply) = decode(NONCE, &packet, at(ASKED), Duration::from_nanos(late)) {
                prop_assert!(!reply.summary().is_empty() && reply.details().len() == 4 && !reply.fields().is_empty());
            }
        }
    }
}
