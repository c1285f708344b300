//! Ports and services, one or many.
//!
//! Refuses to ask which number a service has.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::AddressError;
use super::error::escaped;

const SERVICE_MAX: usize = 64;

/// A port's number, or the service name that stands for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Port {
    Number(u16),
    Service(String),
}

impl FromStr for Port {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if is_digits(text) {
            return parse_number(text).map(Self::Number);
        }
        if text.is_empty() {
            return Err(AddressError::new(text, "the port is empty"));
        }
        if text.contains(',') || as_range(text).is_some() {
            let reason = "one port is needed here, not several";
            return Err(AddressError::new(text, reason).hint("port ranges and lists go with \"connect --check\""));
        }
        parse_service(text).map(Self::Service)
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Service(name) => f.write_str(&escaped(name)),
        }
    }
}

/// Ports in the order they were asked for, each once: `80,443,8000-8010,http`.
///
/// A service name and its number may both be there: only a lookup can tell that they are one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortSet {
    /// Disjoint; a range that overlaps earlier ones is here as what it adds to them.
    items: Vec<PortItem>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PortItem {
    Numbers(RangeInclusive<u16>),
    Service(String),
}

impl PortSet {
    pub fn iter(&self) -> impl Iterator<Item = Port> + '_ {
        self.items.iter().flat_map(|item| {
            let (numbers, service) = match item {
                PortItem::Numbers(range) => (Some(range.clone()), None),
                PortItem::Service(name) => (None, Some(name.clone())),
            };
            let numbers = numbers.into_iter().flatten().map(Port::Number);
            numbers.chain(service.map(Port::Service))
        })
    }

    /// The number of ports, not of items.
    #[must_use]
    pub fn len(&self) -> usize {
        let count = |item: &PortItem| match item {
            PortItem::Numbers(range) => range.len(),
            PortItem::Service(_) => 1,
        };
        self.items.iter().map(count).sum()
    }

    /// Never true of a parsed set; stands here because `len` does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn contains_zero(&self) -> bool {
        let zero = |item: &PortItem| matches!(item, PortItem::Numbers(range) if range.contains(&0));
        self.items.iter().any(zero)
    }
}

impl FromStr for PortSet {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let mut items = Vec::new();
        let mut seen = vec![false; usize::from(u16::MAX) + 1];
        for word in text.split(',') {
            match parse_item(word)? {
                PortItem::Numbers(range) => add_unseen(&mut items, &mut seen, range),
                service @ PortItem::Service(_) if items.contains(&service) => {}
                service @ PortItem::Service(_) => items.push(service),
            }
        }
        Ok(Self { items })
    }
}

impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, item) in self.items.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{item}")?;
        }
        Ok(())
    }
}

impl fmt::Display for PortItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Numbers(range) if range.start() == range.end() => range.start().fmt(f),
            Self::Numbers(range) => write!(f, "{}-{}", range.start(), range.end()),
            Self::Service(name) => f.write_str(&escaped(name)),
        }
    }
}

// ---- ports ----

fn parse_item(text: &str) -> Result<PortItem, AddressError> {
    let Some((low, high)) = as_range(text) else {
        return Ok(match text.parse()? {
            Port::Number(number) => PortItem::Numbers(number..=number),
            Port::Service(name) => PortItem::Service(name),
        });
    };
    let (low, high) = (parse_number(low)?, parse_number(high)?);
    if low > high {
        return Err(AddressError::new(text, "the port range runs backwards").hint(format!("write {high}-{low}")));
    }
    Ok(PortItem::Numbers(low..=high))
}

/// digits-digits; all else with a '-' in it may be a service name (`http-alt`).
fn as_range(text: &str) -> Option<(&str, &str)> {
    text.split_once('-').filter(|(low, high)| is_digits(low) && is_digits(high))
}

fn add_unseen(items: &mut Vec<PortItem>, seen: &mut [bool], range: RangeInclusive<u16>) {
    let mut piece: Option<RangeInclusive<u16>> = None;
    for port in range {
        // `seen` has a place for every u16.
        if std::mem::replace(&mut seen[usize::from(port)], true) {
            items.extend(piece.take().map(PortItem::Numbers));
        } else {
            let low = piece.map_or(port, |piece| *piece.start());
            piece = Some(low..=port);
        }
    }
    items.extend(piece.map(PortItem::Numbers));
}

pub(super) fn parse_number(digits: &str) -> Result<u16, AddressError> {
    let reason = "a port is a number from 0 to 65535";
    digits.parse().map_err(|_| AddressError::new(digits, reason))
}

pub(super) fn parse_service(text: &str) -> Result<String, AddressError> {
    let error = AddressError::new(text, "this is no port number and no service name");
    if text.contains('/') {
        return Err(error.hint("for a UNIX socket write unix:PATH"));
    }
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.+".contains(&b);
    if !text.bytes().all(allowed) || !text.bytes().any(|b| b.is_ascii_alphabetic()) {
        return Err(error.hint("write a port from 0 to 65535, or a name such as http"));
    }
    if text.len() > SERVICE_MAX {
        let reason = format!("a service name is at most {SERVICE_MAX} bytes long");
        return Err(AddressError::new(text, reason));
    }
    Ok(text.to_owned())
}

/// ASCII alone: `u16::from_str` would take a '+' too.
pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}
