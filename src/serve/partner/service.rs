//! The small services that every machine used to have (`--mode`): discard, chargen, daytime, beside echo.
//!
//! Owns what they say. Refuses to read the clock: the time comes in as a value.

use std::borrow::Cow;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use super::dice::Dice;

/// What the server does with what comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Service {
    /// Gives it back (RFC 862), or leads the dialogue.
    #[default]
    Echo,
    /// Throws it away (RFC 863).
    Discard,
    /// Throws it away, and says characters without end; of datagrams each gets a random number of them (RFC 864).
    Chargen,
    /// Says what time it is, once (RFC 867).
    Daytime,
}

/// Characters of a line, and how many lines there are until the first comes again: one for each printing character.
const WIDTH: usize = 72;
const PRINTING: usize = 95;

/// A line with its CR LF.
const LINE: usize = WIDTH + 2;

/// So often all lines stand in [`PATTERN`]: one write is then 62 KiB, which costs a fast client no more calls than
/// an echo of that size.
const TIMES: usize = 9;

/// The most characters that a datagram of chargen has (RFC 864).
const DATAGRAM: usize = 512;

/// RFC 864: "On line N, put characters (0+N mod 95) through (71+N mod 95). End each line with carriage return and
/// line feed."
static PATTERN: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let ring = (b' '..=b'~').cycle();
    let lines = (0..PRINTING).map(|n| ring.clone().skip(n).take(WIDTH).chain(*b"\r\n"));
    lines.flatten().collect::<Vec<_>>().repeat(TIMES)
});

/// The endless text of one client.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chargen {
    line: usize,
}

impl Chargen {
    /// All lines, some times over: the same again goes on where this ends.
    pub(super) fn many() -> Cow<'static, [u8]> {
        Cow::Borrowed(&PATTERN)
    }

    /// The next line.
    pub(super) fn line(&mut self) -> Cow<'static, [u8]> {
        let line = self.line;
        self.line = (line + 1) % PRINTING;
        Cow::Borrowed(&PATTERN[line * LINE..][..LINE])
    }

    /// What one datagram is answered: RFC 864 wants "a random number (between 0 and 512) of characters", and no
    /// continuity between two answers.
    pub(super) fn datagram(dice: &mut Dice) -> Cow<'static, [u8]> {
        let length = usize::try_from(dice.one_of(0..=DATAGRAM as u64)).unwrap_or(DATAGRAM);
        Cow::Borrowed(&PATTERN[..length])
    }
}

/// `Weekday, Month Day, Year Time-Zone` (RFC 867's example is `Tuesday, February 22, 1982 17:37:43-PST`), in UTC.
pub(super) fn daytime(now: SystemTime) -> Vec<u8> {
    let seconds = match now.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, i64::wrapping_neg),
    };
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let Date { weekday, day, month, year } = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{weekday}, {month} {day}, {year} {hour:02}:{minute:02}:{second:02}-UTC\r\n").into_bytes()
}

struct Date {
    weekday: &'static str,
    day: i64,
    month: &'static str,
    year: i64,
}

/// The Gregorian calendar repeats after 400 years, which are whole weeks, too.
const DAYS_OF_400_YEARS: i64 = 146_097;

/// The first is the weekday of 1 January 1970.
const WEEKDAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

/// The date so many days after 1 January 1970.
fn date(days: i64) -> Date {
    let mut day = days.rem_euclid(DAYS_OF_400_YEARS);
    let weekday = usize::try_from(day % 7).map_or("", |n| WEEKDAYS[n]);
    let mut year = 1970 + 400 * days.div_euclid(DAYS_OF_400_YEARS);
    while day >= days_of(year) {
        day -= days_of(year);
        year += 1;
    }
    let mut month = "December";
    for (name, days) in months(year) {
        if day < days {
            month = name;
            break;
        }
        day -= days;
    }
    Date { weekday, day: day + 1, month, year }
}

fn days_of(year: i64) -> i64 {
    if is_leap(year) { 366 } else { 365 }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn months(year: i64) -> [(&'static str, i64); 12] {
    let february = if is_leap(year) { 29 } else { 28 };
    [
        ("January", 31),
        ("February", february),
        ("March", 31),
        ("April", 30),
        ("May", 31),
        ("June", 30),
        ("July", 31),
        ("August", 31),
        ("September", 30),
        ("October", 31),
        ("November", 30),
        ("December", 31),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_lines_are_those_of_the_rfc() {
        let mut chargen = Chargen::default();
        let lines: Vec<_> = (0..200).map(|_| chargen.line().into_owned()).collect();
        let shown: [(usize, &[u8]); 4] = [
            (0, br##" !"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_`abcdefg"##),
            (1, br##"!"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_`abcdefgh"##),
            (94, br##"~ !"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_`abcdef"##),
            (95, br##" !"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_`abcdefg"##),
        ];
        for (n, line) in shown {
            assert_eq!(lines[n], [line, b"\r\n"].concat(), "line {n}");
        }
        for (n, line) in lines.iter().enumerate() {
            let place = |at: usize| b' ' + u8::try_from((n + at) % 95).expect("below 95");
            assert_eq!(line[..72], (0..72).map(place).collect::<Vec<_>>(), "line {n}");
            assert_eq!(line[72..], *b"\r\n", "line {n}");
        }
        // Said at once or line by line, it is the same text.
        assert_eq!(Chargen::many()[..95 * 74], lines[..95].concat());
        assert_eq!(Chargen::many().len() % (95 * 74), 0);
    }

    #[test]
    fn datagrams_of_chargen_have_any_length_up_to_512() {
        let mut dice = Dice::new(1, 0);
        let all: Vec<_> = (0..5000).map(|_| Chargen::datagram(&mut dice).into_owned()).collect();
        let lengths = || all.iter().map(Vec::len);
        assert_eq!((lengths().min(), lengths().max()), (Some(0), Some(512)));
        assert!(all.iter().all(|datagram| PATTERN.starts_with(datagram)));
    }

    #[test]
    fn daytimes() {
        // As `date -u -d @SECONDS "+%A, %B %-d, %Y %H:%M:%S-%Z"` prints them.
        let table = [
            (0, "Thursday, January 1, 1970 00:00:00-UTC\r\n"),
            (-1, "Wednesday, December 31, 1969 23:59:59-UTC\r\n"),
            (383_247_463, "Monday, February 22, 1982 17:37:43-UTC\r\n"),
            (951_868_799, "Tuesday, February 29, 2000 23:59:59-UTC\r\n"),
            (951_868_800, "Wednesday, March 1, 2000 00:00:00-UTC\r\n"),
            (1_735_689_599, "Tuesday, December 31, 2024 23:59:59-UTC\r\n"),
            (1_790_000_000, "Monday, September 21, 2026 14:13:20-UTC\r\n"),
            (4_107_542_400, "Monday, March 1, 2100 00:00:00-UTC\r\n"),
            (-11_644_473_600, "Monday, January 1, 1601 00:00:00-UTC\r\n"),
            (253_402_300_799, "Friday, December 31, 9999 23:59:59-UTC\r\n"),
        ];
        for (seconds, text) in table {
            let away = Duration::from_secs(i64::unsigned_abs(seconds));
            let now = if seconds < 0 { UNIX_EPOCH - away } else { UNIX_EPOCH + away };
            assert_eq!(String::from_utf8_lossy(&daytime(now)), text, "{seconds}");
        }
    }
}
