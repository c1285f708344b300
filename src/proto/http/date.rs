//! HTTP-date: a moment to the second, in the three forms that a recipient reads (RFC 9110 §5.6.7).
//!
//! Owns reading all three and writing the one that may be sent. Refuses what no form allows: other zones than GMT,
//! other languages, days that no month has. A day of the week that does not fit its date is read, and told.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY: i64 = 86_400;
/// 9999-12-31T23:59:59Z: the last moment that four digits of year can name.
const LAST: i64 = 253_402_300_799;
/// 0000-01-01T00:00:00Z
const FIRST: i64 = -62_167_219_200;

/// A moment between the years 0 and 9999, in UTC. Shown as an IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HttpDate {
    unix: i64,
}

/// How a date was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `Sun, 06 Nov 1994 08:49:37 GMT`, the only one that may be sent.
    ImfFixdate,
    /// `Sunday, 06-Nov-94 08:49:37 GMT`, obsolete.
    Rfc850,
    /// `Sun Nov  6 08:49:37 1994`, obsolete.
    Asctime,
}

/// A date as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The moment.
    pub date: HttpDate,
    /// Its form.
    pub form: Form,
    /// Whether it names the day of the week that it falls on.
    pub day_fits: bool,
}

impl HttpDate {
    /// Reads a date in any of the three forms. `now` gives a year of two digits its century (RFC 9110 §5.6.7): the
    /// last one that is not over 50 years ahead.
    #[must_use]
    pub fn parse(text: &[u8], now: HttpDate) -> Option<Parsed> {
        let text = str::from_utf8(text).ok()?;
        imf_fixdate(text).or_else(|| rfc850(text, now)).or_else(|| asctime(text))
    }

    /// The moment that lies so many seconds after 1970-01-01T00:00:00Z; the nearest one that can be written.
    #[must_use]
    pub const fn from_unix(seconds: i64) -> Self {
        // `clamp` is not const.
        let unix = if seconds < FIRST {
            FIRST
        } else if seconds > LAST {
            LAST
        } else {
            seconds
        };
        Self { unix }
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn unix(self) -> i64 {
        self.unix
    }

    /// The time from `earlier` to this moment; zero if that is later.
    #[must_use]
    pub fn since(self, earlier: HttpDate) -> Duration {
        Duration::from_secs(u64::try_from(self.unix - earlier.unix).unwrap_or(0))
    }
}

impl From<SystemTime> for HttpDate {
    /// Cut to whole seconds.
    fn from(time: SystemTime) -> Self {
        let whole = |d: Duration| i64::try_from(d.as_secs()).unwrap_or(i64::MAX);
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self::from_unix(whole(after)),
            // Downwards, as after 1970 too.
            Err(before) => {
                let before = before.duration();
                Self::from_unix(-whole(before).saturating_add(i64::from(before.subsec_nanos() > 0)))
            }
        }
    }
}

impl fmt::Display for HttpDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, seconds) = (self.unix.div_euclid(DAY), self.unix.rem_euclid(DAY));
        let (year, month, day) = civil(days);
        let (name, month) = (&DAYS[weekday(days)][..3], MONTHS[month - 1]);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{name}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
    }
}

fn imf_fixdate(text: &str) -> Option<Parsed> {
    let (name, rest) = text.split_once(", ")?;
    let [day, month, year, time, "GMT"] = words(rest)? else { return None };
    let moment = Moment { year: number(year, 4)?, month: month_named(month)?, day: number(day, 2)?, time };
    moment.parsed(Form::ImfFixdate, short_day(name)?)
}

fn rfc850(text: &str, now: HttpDate) -> Option<Parsed> {
    let (name, rest) = text.split_once(", ")?;
    let [date, time, "GMT"] = words(rest)? else { return None };
    let mut parts = date.splitn(3, '-');
    let (day, month) = (number(parts.next()?, 2)?, month_named(parts.next()?)?);
    let year = number(parts.next()?, 2)?;
    let name = DAYS.iter().position(|&full| full == name)?;
    let in_century = |century: i64| Moment { year: century * 100 + year, month, day, time }.parsed(Form::Rfc850, name);
    let this = civil(now.unix.div_euclid(DAY)).0;
    // A 29 February may be missing from one of the two years, so each is tried by itself.
    let not_far = |parsed: &Parsed| civil(parsed.date.unix.div_euclid(DAY)).0 - this <= 50;
    let centuries = [this / 100 + 1, this / 100, this / 100 - 1];
    centuries.into_iter().filter_map(in_century).find(not_far)
}

fn asctime(text: &str) -> Option<Parsed> {
    // The day is padded with a space: `Nov  6`.
    let (name, rest) = text.split_once(' ')?;
    let (month, rest) = rest.split_once(' ')?;
    let (day, rest) = rest.split_at_checked(2)?;
    let day = day.strip_prefix(' ').map_or_else(|| number(day, 2), |one| number(one, 1))?;
    let [time, year] = words(rest.strip_prefix(' ')?)?;
    let moment = Moment { year: number(year, 4)?, month: month_named(month)?, day, time };
    moment.parsed(Form::Asctime, short_day(name)?)
}

/// Exactly so many words with one space between each two.
fn words<const N: usize>(text: &str) -> Option<[&str; N]> {
    text.split(' ').collect::<Vec<_>>().try_into().ok()
}

/// Exactly so many digits.
fn number(text: &str, digits: usize) -> Option<i64> {
    (text.len() == digits && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

fn month_named(name: &str) -> Option<usize> {
    MONTHS.iter().position(|&month| month == name).map(|at| at + 1)
}

fn short_day(name: &str) -> Option<usize> {
    DAYS.iter().position(|day| &day[..3] == name)
}

struct Moment<'t> {
    year: i64,
    month: usize,
    day: i64,
    /// `08:49:37`
    time: &'t str,
}

impl Moment<'_> {
    fn parsed(&self, form: Form, named: usize) -> Option<Parsed> {
        let days = days_from_civil(self.year, self.month, self.day);
        // What the month does not have comes back as a day of the next one.
        if civil(days) != (self.year, self.month, self.day) {
            return None;
        }
        let date = HttpDate::from_unix(days * DAY + self.seconds()?);
        Some(Parsed { date, form, day_fits: weekday(days) == named })
    }

    fn seconds(&self) -> Option<i64> {
        let mut parts = self.time.splitn(3, ':').map(|part| number(part, 2));
        let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
        // 60 is a leap second.
        (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3600 + minute * 60 + second)
    }
}

/// 1970-01-01 was a Thursday.
fn weekday(days: i64) -> usize {
    usize::try_from((days + 4).rem_euclid(7)).unwrap_or(0)
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar. The year is counted from March, so that the
/// leap day is its last, and in cycles of 400 years, which have 146,097 days each.
fn days_from_civil(year: i64, month: usize, day: i64) -> i64 {
    let month = i64::try_from(month).unwrap_or(0);
    let year = if month > 2 { year } else { year - 1 };
    let (cycle, of_cycle) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_cycle = of_cycle * 365 + of_cycle / 4 - of_cycle / 100 + day_of_year;
    cycle * 146_097 + day_of_cycle - 719_468
}

/// The year, month (1 to 12) and day of a count of days since 1970-01-01: the reverse of [`days_from_civil`].
fn civil(days: i64) -> (i64, usize, i64) {
    let days = days + 719_468;
    let (cycle, day_of_cycle) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let of_cycle = (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let day_of_year = day_of_cycle - (365 * of_cycle + of_cycle / 4 - of_cycle / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12 + 1;
    let year = of_cycle + cycle * 400 + i64::from(month <= 2);
    (year, usize::try_from(month).unwrap_or(1), day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-11-21T00:00:00Z
    const NOW: HttpDate = HttpDate { unix: 1_795_219_200 };

    fn read(text: &str) -> Option<Parsed> {
        HttpDate::parse(text.as_bytes(), NOW)
    }

    #[test]
    fn taken() {
        use Form::{Asctime, ImfFixdate, Rfc850};
        // Text, form, seconds since 1970 (by GNU date).
        let table = [
            ("Sun, 06 Nov 1994 08:49:37 GMT", ImfFixdate, 784_111_777),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Rfc850, 784_111_777),
            ("Sun Nov  6 08:49:37 1994", Asctime, 784_111_777),
            ("Wed Nov 16 08:49:37 1994", Asctime, 784_975_777),
            ("Thu, 01 Jan 1970 00:00:00 GMT", ImfFixdate, 0),
            ("Wed, 31 Dec 1969 23:59:59 GMT", ImfFixdate, -1),
            ("Tue, 29 Feb 2000 12:00:00 GMT", ImfFixdate, 951_825_600),
            ("Thu, 29 Feb 2024 23:59:59 GMT", ImfFixdate, 1_709_251_199),
            ("Fri, 31 Dec 9999 23:59:59 GMT", ImfFixdate, LAST),
            ("Sat, 01 Jan 0000 00:00:00 GMT", ImfFixdate, FIRST),
            ("Sat, 31 Dec 2016 23:59:60 GMT", ImfFixdate, 1_483_228_800),
            // 50 years ahead at most: 2076 is the future, 1977 the past.
            ("Wednesday, 01-Jan-76 00:00:00 GMT", Rfc850, 3_345_062_400),
            ("Saturday, 01-Jan-77 00:00:00 GMT", Rfc850, 220_924_800),
        ];
        for (text, form, unix) in table {
            let parsed = read(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((parsed.form, parsed.date.unix(), parsed.day_fits), (form, unix, true), "{text}");
        }
        assert!(!read("Mon, 06 Nov 1994 08:49:37 GMT").unwrap().day_fits);
    }

    #[test]
    fn refused() {
        let table = [
            "",
            "0",
            "-1",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 +0000",
            "Sun, 06 Nov 1994 08:49:37 gmt",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun,  06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "So, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:00 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37:00 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Thu, 31 Nov 1994 08:49:37 GMT",
            "Wed, 29 Feb 1995 08:49:37 GMT",
            "Mon, 29 Feb 1900 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT ",
            "06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Sun, 06-Nov-94 08:49:37 GMT",
            "Sun Nov 6 08:49:37 1994",
            "Sun Nov  6 08:49:37 94",
            "Sun Nov  6 08:49:37 1994 GMT",
            "Sun Nov é6 08:49:37 1994",
            "1994-11-06T08:49:37Z",
        ];
        for text in table {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(HttpDate::parse(b"Sun, 06 Nov 1994 08:49:37 GM\xff", NOW), None);
    }

    #[test]
    fn moments() {
        assert_eq!(HttpDate::from(UNIX_EPOCH - Duration::from_millis(1)).unix(), -1);
        assert_eq!(HttpDate::from(UNIX_EPOCH - Duration::from_secs(1)).unix(), -1);
        assert_eq!(HttpDate::from(UNIX_EPOCH + Duration::from_millis(1999)).unix(), 1);
        assert_eq!(HttpDate::from_unix(i64::MAX).to_string(), "Fri, 31 Dec 9999 23:59:59 GMT");
        let (early, late) = (HttpDate::from_unix(5), HttpDate::from_unix(8));
        assert_eq!((late.since(early), early.since(late)), (Duration::from_secs(3), Duration::ZERO));
    }

    proptest! {
        #[test]
        fn every_moment_survives_being_written(unix in FIRST..=LAST) {
            let date = HttpDate::from_unix(unix);
            let parsed = read(&date.to_string());
            prop_assert_eq!(parsed, Some(Parsed { date, form: Form::ImfFixdate, day_fits: true }));
        }

        #[test]
        fn noise_is_survived(noise: Vec<u8>, unix in FIRST..=LAST) {
            let _ = HttpDate::parse(&noise, HttpDate::from_unix(unix));
        }
    }
}
