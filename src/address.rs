//! Addresses as the user writes them: words in, values out, and back again.
//!
//! Owns the one grammar that all verbs share, and the wording of what is wrong with an address.
//! Refuses to do anything about it: no lookup, no socket, no interface list, no file. Whether a
//! name, a service, a zone or a path exists is asked elsewhere.
//!
//! ```text
//! ADDRESS := HOST PORT | HOST:PORT | [V6]:PORT | unix:PATH | unix:@ABSTRACT
//!          | PORT                        verbs that bind, a number: every address of this machine
//! HOST    := name | V4 | V6 | V6%zone | [V6] | [V6%zone]
//! PORT    := number | service
//! PORTS   := item{,item}                 item := PORT | number-number
//! ```
//!
//! The first word is a whole address if it is `unix:…`, `[V6]:PORT`, or has exactly one colon, and,
//! for verbs that bind, if it is a number; otherwise the next word is its port. Two colons or more
//! make a bare IPv6 address, so `::1:80` is an address without a port.
//!
//! IPv4 is the strict dotted quad alone: what `inet_aton(3)` also takes (`010.1`, `0x7f000001`)
//! means different hosts to different programs, so it never reaches the resolver.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

/// What a UNIX address holds on Linux: `sun_path` is 108 bytes, one of them the path's final NUL
/// or the abstract name's first one (unix(7)).
const UNIX_NAME_MAX: usize = 107;
/// `IFNAMSIZ` less the final NUL (netdevice(7)).
const ZONE_MAX: usize = 15;
/// RFC 1035 section 2.3.4.
const LABEL_MAX: usize = 63;
/// The 255 bytes of RFC 1035 section 2.3.4, less the first length byte and the root's.
const NAME_MAX: usize = 253;
const SERVICE_MAX: usize = 64;
/// How much of a refused text a message repeats: it has to stay one readable line.
const QUOTE_MAX: usize = 80;

/// A socket address that one verb opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    Inet(HostPort),
    Unix(UnixName),
}

/// What a verb does with its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Port 0 is refused, and a number alone is no address.
    Connects,
    /// Port 0 picks a free port, and a number alone is the wildcard's port.
    Binds,
}

impl Endpoint {
    /// Takes the address off the front of `words`; gives it and the words left over
    /// (e.g. udp-send's DATA).
    ///
    /// # Errors
    /// The words do not start with an address that fits `role`.
    pub fn from_words(words: &[String], role: Role) -> Result<(Self, &[String]), AddressError> {
        let (first, rest) = words.split_first().ok_or_else(|| missing_address(role))?;
        if role == Role::Binds && is_digits(first) {
            let (host, port) = (Host::Any, first.parse()?);
            return Ok((Self::Inet(HostPort { host, port }), rest));
        }
        if is_whole(first) {
            return Ok((first.parse::<Self>()?.fit(role)?, rest));
        }
        let host: Host = first.parse()?;
        let Some((port, rest)) = rest.split_first() else {
            return Err(missing_port(first, &host, role));
        };
        let port = port.parse()?;
        Ok((Self::Inet(HostPort { host, port }).fit(role)?, rest))
    }

    /// The same for a verb that connects to a service with a `port` of its own: a host alone has that one.
    ///
    /// # Errors
    /// The words do not start with an address.
    pub fn from_words_or_port(words: &[String], port: u16) -> Result<(Self, &[String]), AddressError> {
        match words {
            [host] if !is_whole(host) => {
                let (host, port) = (host.parse()?, Port::Number(port));
                Ok((Self::Inet(HostPort { host, port }), &[]))
            }
            _ => Self::from_words(words, Role::Connects),
        }
    }

    /// The one address that `words` are, or several of which each is one word.
    ///
    /// # Errors
    /// A word is no address that fits `role`, or no whole one beside others.
    pub fn several_from_words(words: &[String], role: Role) -> Result<Vec<Self>, AddressError> {
        match Self::from_words(words, role)? {
            (only, []) => Ok(vec![only]),
            _ => words
                .iter()
                .map(|word| Self::from_words(std::slice::from_ref(word), role).map(|(one, _)| one))
                .collect(),
        }
    }

    fn fit(self, role: Role) -> Result<Self, AddressError> {
        match (&self, role) {
            (Self::Inet(inet), Role::Connects) if inet.port == Port::Number(0) => Err(port_zero(&inet.to_string())),
            _ => Ok(self),
        }
    }
}

/// One whole address: `HOST:PORT`, `[V6]:PORT`, `unix:…`. A port alone is not one, since only
/// [`Endpoint::from_words`] knows whether the verb binds; for the same reason port 0 passes.
impl FromStr for Endpoint {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(name) = text.strip_prefix("unix:") {
            return parse_unix(text, name).map(Self::Unix);
        }
        let (host, port) = split_whole(text)?;
        let port = port.parse()?;
        Ok(Self::Inet(HostPort { host, port }))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(inet) => inet.fmt(f),
            Self::Unix(name) => name.fmt(f),
        }
    }
}

/// What `connect --check` looks at: ports of one host, or one UNIX socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckTarget {
    Ports(Targets),
    Unix(UnixName),
}

/// Several ports of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Targets {
    pub host: Host,
    pub ports: PortSet,
}

impl CheckTarget {
    /// `HOST PORTS [PORTS…]`, `HOST:PORTS`, `[V6]:PORTS` or `unix:PATH`; uses every word.
    ///
    /// # Errors
    /// The words are none of these, a word is left over, or port 0 is among the ports.
    pub fn from_words(words: &[String]) -> Result<Self, AddressError> {
        let role = Role::Connects;
        let (first, rest) = words.split_first().ok_or_else(|| missing_address(role))?;
        if let Some(name) = first.strip_prefix("unix:") {
            let name = parse_unix(first, name)?;
            return refuse_more(rest).map(|()| Self::Unix(name));
        }
        if is_whole(first) {
            let (host, ports) = split_whole(first)?;
            let target = Self::ports(host, ports)?;
            return refuse_more(rest).map(|()| target);
        }
        let host: Host = first.parse()?;
        if rest.is_empty() {
            return Err(missing_port(first, &host, role));
        }
        // Joined, so that a port named in two words is looked at once.
        Self::ports(host, &rest.join(","))
    }

    fn ports(host: Host, ports: &str) -> Result<Self, AddressError> {
        let ports: PortSet = ports.parse()?;
        if ports.contains_zero() {
            return Err(port_zero(&ports.to_string()));
        }
        Ok(Self::Ports(Targets { host, ports }))
    }
}

/// What `-4` and `-6` choose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Family {
    #[default]
    Any,
    V4,
    V6,
}

impl Family {
    /// Whether a socket for `ip` is of this family; an IPv4-mapped address is IPv6's.
    #[must_use]
    pub fn allows(self, ip: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => ip.is_ipv4(),
            Self::V6 => ip.is_ipv6(),
        }
    }
}

/// A host and a port, not looked up yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    pub host: Host,
    pub port: Port,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            host @ Host::V6 { .. } => write!(f, "[{host}]:{}", self.port),
            host => write!(f, "{host}:{}", self.port),
        }
    }
}

/// The machine's part of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// Every address of this machine: only from the bare port of a verb that binds.
    Any,
    /// A name, as written, with its final dot if it had one.
    Name(String),
    V4(Ipv4Addr),
    V6 {
        address: Ipv6Addr,
        /// An interface's name or index, for link-local addresses (RFC 4007 section 11).
        zone: Option<String>,
    },
}

impl Host {
    /// Whether there is no name to look up; true for [`Host::Any`] too.
    #[must_use]
    pub fn is_numeric(&self) -> bool {
        !matches!(self, Self::Name(_))
    }
}

/// A name or an address, with or without brackets round IPv6; never [`Host::Any`].
impl FromStr for Host {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        refuse_url(text)?;
        if let Some(inside) = text.strip_prefix('[') {
            return match inside.strip_suffix(']') {
                Some(v6) => parse_v6(v6),
                None => Err(brackets(text)),
            };
        }
        if text.matches(':').count() >= 2 {
            return parse_v6(text);
        }
        parse_name(text)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Name(name) => f.write_str(&escaped(name)),
            Self::V4(address) => address.fmt(f),
            Self::V6 { address, zone } => {
                address.fmt(f)?;
                zone.iter().try_for_each(|z| write!(f, "%{}", escaped(z)))
            }
        }
    }
}

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

    fn contains_zero(&self) -> bool {
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

/// The name of a UNIX socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnixName {
    Path(PathBuf),
    /// Linux's names without a file, without the NUL that marks them (unix(7)).
    Abstract(Vec<u8>),
}

/// For people: a name with control bytes shows them escaped, and does not parse back.
impl fmt::Display for UnixName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mark, bytes) = match self {
            Self::Path(path) => ("", path.as_os_str().as_encoded_bytes()),
            Self::Abstract(name) => ("@", name.as_slice()),
        };
        write!(f, "unix:{mark}")?;
        for chunk in bytes.utf8_chunks() {
            f.write_str(&escaped(chunk.valid()))?;
            let mut invalid = chunk.invalid().iter();
            invalid.try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        }
        Ok(())
    }
}

/// An address that is refused: the text, the reason and, when known, what to write instead.
///
/// Its `Display` is one line without control or invisible characters, whatever the text held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressError {
    /// None when the fault is that there was nothing.
    text: Option<String>,
    reason: String,
    hint: Option<String>,
}

impl AddressError {
    fn new(text: &str, reason: impl Into<String>) -> Self {
        let (text, reason, hint) = (Some(without_user(text)), reason.into(), None);
        Self { text, reason, hint }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        let hint = Some(hint.into());
        Self { hint, ..self }
    }
}

impl std::error::Error for AddressError {}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = &self.text {
            write!(f, "{}: ", quoted(text))?;
        }
        f.write_str(&escaped(&self.reason))?;
        let mut hint = self.hint.iter();
        hint.try_for_each(|hint| write!(f, "; {}", escaped(hint)))
    }
}

// ---- words ----

/// The rule of the file header, less the bare number, which depends on the role.
fn is_whole(word: &str) -> bool {
    if word.starts_with('[') {
        return !word.ends_with(']');
    }
    word.starts_with("unix:") || word.matches(':').count() == 1
}

/// Takes `HOST:PORT` or `[V6]:PORT` apart; the port's half may still be a list.
fn split_whole(text: &str) -> Result<(Host, &str), AddressError> {
    refuse_url(text)?;
    if let Some(inside) = text.strip_prefix('[') {
        let (v6, port) = inside.split_once("]:").ok_or_else(|| brackets(text))?;
        return Ok((parse_v6(v6)?, port));
    }
    if text.matches(':').count() >= 2 {
        return Err(missing_port(text, &parse_v6(text)?, Role::Connects));
    }
    match text.split_once(':') {
        Some(("", port)) => Err(empty_host(text, port)),
        Some((host, port)) => Ok((parse_name(host)?, port)),
        None => {
            let error = AddressError::new(text, "a whole address has a host and a port");
            Err(error.hint("write HOST:PORT, [V6]:PORT or unix:PATH"))
        }
    }
}

fn refuse_url(text: &str) -> Result<(), AddressError> {
    if !text.contains("://") {
        return Ok(());
    }
    Err(AddressError::new(text, "a URL is not an address").hint("URLs go with \"sockkit get\"; here write HOST PORT"))
}

fn refuse_more(rest: &[String]) -> Result<(), AddressError> {
    let Some(word) = rest.first() else {
        return Ok(());
    };
    Err(AddressError::new(word, "nothing may follow a whole address")
        .hint("for several ports write HOST:80,443 or HOST 80 443"))
}

fn missing_address(role: Role) -> AddressError {
    let hint = match role {
        Role::Connects => "write HOST PORT, HOST:PORT, [V6]:PORT or unix:PATH",
        Role::Binds => "write PORT, HOST PORT, HOST:PORT, [V6]:PORT or unix:PATH",
    };
    AddressError { text: None, reason: "an address is needed".to_owned(), hint: Some(hint.to_owned()) }
}

fn missing_port(word: &str, host: &Host, role: Role) -> AddressError {
    let port = Port::Number(if role == Role::Binds { 9001 } else { 80 });
    let host = host.clone();
    let hint = match (&host, role, v6_and_port(word)) {
        (Host::V6 { .. }, _, Some(meant)) => {
            let whole = HostPort { host, port };
            format!("write {whole}, or {meant} if its last part is the port")
        }
        (Host::Name(name), Role::Binds, _) if parse_service(name).is_ok() => {
            let alone = "a service name alone needs a host";
            format!("write {name}:{port}; {alone}, as in [::]:{name}")
        }
        _ => format!("write {}", HostPort { host, port }),
    };
    AddressError::new(word, "a port is needed after the host").hint(hint)
}

fn empty_host(text: &str, port: &str) -> AddressError {
    let error = AddressError::new(text, "the host before the colon is empty");
    match port.parse::<Port>() {
        Ok(Port::Number(port)) => error.hint(format!("for verbs that bind write the port alone: {port}")),
        _ => error.hint("write HOST:PORT"),
    }
}

fn port_zero(text: &str) -> AddressError {
    AddressError::new(text, "nothing can be reached on port 0").hint("write a port from 1 to 65535")
}

// ---- hosts ----

fn brackets(text: &str) -> AddressError {
    AddressError::new(text, "brackets go round an IPv6 address and nothing else").hint("write [::1] or [::1]:80")
}

/// An IPv6 address without brackets, with or without a zone.
fn parse_v6(text: &str) -> Result<Host, AddressError> {
    read_v6(text).map_err(|reason| match v6_and_port(text) {
        Some(meant) => AddressError::new(text, reason).hint(format!("write {meant}")),
        None if text.contains(':') => AddressError::new(text, reason),
        None => brackets(text),
    })
}

fn read_v6(text: &str) -> Result<Host, &'static str> {
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (text, None),
    };
    let address = address.parse().map_err(|_| "this is no IPv6 address")?;
    zone.and_then(zone_fault).map_or(Ok(()), Err)?;
    let zone = zone.map(str::to_owned);
    Ok(Host::V6 { address, zone })
}

/// What was meant if the last part of a bare IPv6 address was written as its port.
fn v6_and_port(text: &str) -> Option<HostPort> {
    let (host, port) = text.rsplit_once(':')?;
    let (host, port) = (read_v6(host).ok()?, port.parse().ok()?);
    Some(HostPort { host, port })
}

/// Linux refuses '/', ':' and white space in an interface's name; the rest would make the address
/// unreadable.
fn zone_fault(zone: &str) -> Option<&'static str> {
    let misused = |c: char| c.is_whitespace() || is_hidden(c) || "/%:[]".contains(c);
    if zone.is_empty() {
        Some("the zone after '%' is empty")
    } else if zone.contains(misused) {
        Some("the zone after '%' is no interface name")
    } else if zone.len() > ZONE_MAX {
        Some("the zone after '%' is longer than 15 bytes")
    } else {
        None
    }
}

/// A host that is no IPv6 address: a dotted quad or a name.
fn parse_name(text: &str) -> Result<Host, AddressError> {
    if let Ok(address) = text.parse() {
        return Ok(Host::V4(address));
    }
    if text.is_empty() {
        return Err(AddressError::new(text, "the host is empty"));
    }
    if let Some((reason, hint)) = text.chars().find_map(name_char_fault) {
        let error = AddressError::new(text, reason);
        return Err(hint.into_iter().fold(error, AddressError::hint));
    }
    let bare = text.strip_suffix('.').unwrap_or(text);
    if let Some(reason) = name_shape_fault(bare) {
        return Err(AddressError::new(text, reason));
    }
    if ends_in_number(bare) {
        return Err(loose_ipv4(text, bare));
    }
    Ok(Host::Name(text.to_owned()))
}

/// Letters, digits, '-', '_' (many real names have it) and '.'; for the rest, why not.
fn name_char_fault(c: char) -> Option<(&'static str, Option<&'static str>)> {
    let fault = match c {
        '-' | '_' | '.' => return None,
        c if c.is_ascii_alphanumeric() => return None,
        '/' => ("a host has no '/'", Some("for a UNIX socket write unix:PATH")),
        '@' => ("a host has no '@'", Some("write the host without a user")),
        '%' => ("only an IPv6 address has a zone", Some("write fe80::1%eth0")),
        '[' | ']' => ("brackets go round an IPv6 address and nothing else", None),
        ':' => ("a host has no port in it", Some("write the port as the next word")),
        '*' => ("'*' is no host", Some("for verbs that bind write the port alone")),
        c if c.is_whitespace() => ("a host has no white space", None),
        c if is_hidden(c) => ("a host has no control or invisible characters", None),
        c if c.is_ascii() => ("a host name is letters, digits, '-', '_' and '.'", None),
        _ => ("a host name is ASCII", Some("write its xn-- form")),
    };
    Some(fault)
}

/// `name` comes without its final dot.
fn name_shape_fault(name: &str) -> Option<&'static str> {
    if name.split('.').any(str::is_empty) {
        Some("a label (the part between two dots) is empty")
    } else if name.split('.').any(|label| label.len() > LABEL_MAX) {
        Some("a label (the part between two dots) is longer than 63 bytes")
    } else if name.len() > NAME_MAX {
        Some("the host name is longer than 253 bytes")
    } else {
        None
    }
}

/// No top-level domain is a number, so such a name is meant as IPv4; browsers draw the same line
/// (URL Standard, "ends in a number checker").
fn ends_in_number(name: &str) -> bool {
    name.rsplit('.').next().is_some_and(is_ipv4_part)
}

fn is_ipv4_part(label: &str) -> bool {
    let hex = |digits: &str| digits.bytes().all(|b| b.is_ascii_hexdigit());
    is_digits(label) || hex_digits(label).is_some_and(hex)
}

fn hex_digits(label: &str) -> Option<&str> {
    label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"))
}

/// The refusal of what ends in a number and is no dotted quad; `bare` is without the final dot.
fn loose_ipv4(text: &str, bare: &str) -> AddressError {
    let labels: Vec<&str> = bare.split('.').collect();
    let error = AddressError::new(text, loose_ipv4_fault(&labels));
    let place = if is_digits(bare) { ", or a host before the port" } else { "" };
    match loose_ipv4_meaning(&labels) {
        Some(meant) => error.hint(format!("write {meant}{place}")),
        None => error.hint("write four decimal numbers from 0 to 255, as in 192.0.2.1"),
    }
}

fn loose_ipv4_fault(labels: &[&str]) -> &'static str {
    if !labels.iter().all(|label| is_ipv4_part(label)) {
        "a name that ends in a number must be an IPv4 address"
    } else if labels.iter().any(|label| hex_digits(label).is_some()) {
        "a hexadecimal IPv4 address is not taken"
    } else if labels.iter().any(|label| is_octal(label)) {
        "an octal IPv4 address (leading zero) is not taken"
    } else {
        match labels.len() {
            1 => "a decimal IPv4 address (one number) is not taken",
            2 | 3 => "a short IPv4 address (fewer than four numbers) is not taken",
            4 if loose_ipv4_meaning(labels).is_some() => "an IPv4 address ends without a dot",
            4 => "an IPv4 address has no number above 255",
            _ => "an IPv4 address has four numbers, not more",
        }
    }
}

fn is_octal(label: &str) -> bool {
    label.len() > 1 && label.starts_with('0') && is_digits(label)
}

/// What `inet_aton(3)` would make of it: the last number fills all the bytes that are left. None
/// where programs disagree: a leading zero is octal to some and decimal to others.
fn loose_ipv4_meaning(labels: &[&str]) -> Option<Ipv4Addr> {
    let number = |label: &&str| match hex_digits(label) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None if is_octal(label) => None,
        None => label.parse().ok(),
    };
    let numbers: Vec<u32> = labels.iter().map(number).collect::<Option<_>>()?;
    let (&last, head) = numbers.split_last()?;
    let mut bytes = last.to_be_bytes();
    // The head's bytes must be free in `last`; more than four numbers find no place.
    for (place, number) in head.iter().enumerate() {
        let byte = bytes.get_mut(place).filter(|byte| **byte == 0)?;
        *byte = u8::try_from(*number).ok()?;
    }
    (head.len() < bytes.len()).then(|| bytes.into())
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

fn parse_number(digits: &str) -> Result<u16, AddressError> {
    let reason = "a port is a number from 0 to 65535";
    digits.parse().map_err(|_| AddressError::new(digits, reason))
}

fn parse_service(text: &str) -> Result<String, AddressError> {
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
fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

// ---- UNIX names ----

/// `name` is `text` less `unix:`.
fn parse_unix(text: &str, name: &str) -> Result<UnixName, AddressError> {
    let (kind, body) = match name.strip_prefix('@') {
        Some(body) => ("abstract name", body),
        None => ("path", name),
    };
    let refuse = |reason: String| Err(AddressError::new(text, reason));
    if body.is_empty() {
        return refuse(format!("the UNIX socket's {kind} is empty"));
    }
    if body.contains('\0') {
        return refuse(format!("the UNIX socket's {kind} holds a NUL"));
    }
    if body.len() > UNIX_NAME_MAX {
        let len = body.len();
        let limit = format!("{len} bytes, and the limit is {UNIX_NAME_MAX}");
        return refuse(format!("the UNIX socket's {kind} is {limit}"));
    }
    Ok(match name.strip_prefix('@') {
        Some(name) => UnixName::Abstract(name.into()),
        None => UnixName::Path(name.into()),
    })
}

// ---- showing what came from outside ----

/// What stands before an '@' may be a user's password, which no message repeats.
fn without_user(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((_, host)) if !text.starts_with("unix:") => format!("…@{host}"),
        _ => text.to_owned(),
    }
}

fn quoted(text: &str) -> String {
    let mut chars = text.chars();
    let start: String = chars.by_ref().take(QUOTE_MAX).collect();
    let dots = if chars.next().is_some() { "…" } else { "" };
    format!("\"{}{dots}\"", escaped(&start))
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// Control characters, and those that show nothing but change how the rest is shown: bidi controls
/// (Unicode Standard Annex 9), line separators, zero-width and tag characters.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The error's line; Debug of a success, which no table of refusals expects.
    fn refusal<T: fmt::Debug>(result: Result<T, AddressError>) -> String {
        match result {
            Ok(value) => format!("accepted as {value:?}"),
            Err(error) => error.to_string(),
        }
    }

    fn words(line: &str) -> Vec<String> {
        line.split(' ').filter(|w| !w.is_empty()).map(str::to_owned).collect()
    }

    /// `ADDRESS | what is left over`.
    fn taken(line: &str, role: Role) -> String {
        let words = words(line);
        let (endpoint, rest) = Endpoint::from_words(&words, role).expect(line);
        format!("{endpoint} | {}", rest.join(" ")).trim_end().to_owned()
    }

    #[track_caller]
    fn assert_holds(line: &str, said: &str, parts: &str) {
        for part in parts.split('&') {
            assert!(said.contains(part.trim()), "{line:?} gave {said:?}, not {part:?}");
        }
    }

    #[test]
    fn hosts_are_read_and_shown() {
        for (text, shown) in [
            ("example.com", "example.com"),
            ("Example.COM.", "Example.COM."),
            ("localhost", "localhost"),
            ("_dmarc.a_b.example", "_dmarc.a_b.example"),
            ("xn--mnchen-3ya.de", "xn--mnchen-3ya.de"),
            ("1.2.3.example", "1.2.3.example"),
            ("3com", "3com"),
            ("0xg", "0xg"),
            ("1.2.3.4", "1.2.3.4"),
            ("::1", "::1"),
            ("::", "::"),
            ("[::1]", "::1"),
            ("::1:80", "::1:80"),
            ("2001:DB8:0::1", "2001:db8::1"),
            ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
            ("fe80::1%eth0", "fe80::1%eth0"),
            ("[fe80::1%2]", "fe80::1%2"),
            ("fe80::1%abcdefghijklmno", "fe80::1%abcdefghijklmno"),
        ] {
            assert_eq!(text.parse::<Host>().expect(text).to_string(), shown);
        }
        for text in ["a".repeat(63), vec!["a".repeat(63); 3].join(".") + &format!(".{}.", "a".repeat(61))] {
            assert_eq!(text.parse(), Ok(Host::Name(text.clone())));
        }
    }

    #[test]
    fn a_host_alone_has_the_port_of_its_service() {
        for (line, said) in [
            ("localhost", "localhost:53 | "),
            ("192.0.2.1", "192.0.2.1:53 | "),
            ("::1", "[::1]:53 | "),
            ("[::1]", "[::1]:53 | "),
            ("::1:5353", "[::1:5353]:53 | "),
            ("localhost 5353", "localhost:5353 | "),
            ("localhost:5353 x", "localhost:5353 | x"),
            ("unix:/x", "unix:/x | "),
        ] {
            let words = words(line);
            let (endpoint, rest) = Endpoint::from_words_or_port(&words, 53).expect(line);
            assert_eq!(format!("{endpoint} | {}", rest.join(" ")), said);
        }
        for line in ["", "53", "localhost:", "localhost:0", "localhost 0", "[::1", "http://a"] {
            assert!(Endpoint::from_words_or_port(&words(line), 53).is_err(), "{line}");
        }
    }

    #[test]
    fn hosts_are_refused_with_the_reason() {
        for (text, parts) in [
            ("", "host is empty"),
            (".", "label & empty"),
            ("a..b", "label & empty"),
            (".a", "label & empty"),
            ("a..", "label & empty"),
            ("a b", "white space"),
            ("a\tb", "white space & \"a\\tb\""),
            ("a\u{1b}[2Jb", "control & \\u{1b}"),
            ("a\u{202e}b", "invisible & \\u{202e}"),
            ("a/b", "'/' & unix:PATH"),
            ("/run/x.sock", "unix:PATH"),
            ("me@host", "'@' & without a user"),
            ("host%eth0", "zone & fe80::1%eth0"),
            ("1.2.3.4%eth0", "zone"),
            ("[host]", "brackets"),
            ("[1.2.3.4]", "brackets"),
            ("[::1", "brackets"),
            ("::1]", "no IPv6"),
            ("host]", "brackets"),
            ("[]", "brackets"),
            ("[[::1]]", "no IPv6"),
            ("*", "port alone"),
            ("host:80", "next word"),
            ("a,b", "letters, digits"),
            ("bücher.example", "ASCII & xn--"),
            ("http://example.com/", "URL & sockkit get"),
            ("http://example.com:80/", "URL & sockkit get"),
        ] {
            assert_holds(text, &refusal(text.parse::<Host>()), parts);
        }
        let long = format!("{}.com", "a".repeat(64));
        assert_holds("label of 64", &refusal(long.parse::<Host>()), "63");
        let long = vec!["a".repeat(62); 4].join(".") + ".abc";
        assert_holds("name of 255", &refusal(long.parse::<Host>()), "253 & …");
    }

    #[test]
    fn no_message_repeats_a_password() {
        for word in ["http://u:pw@h:80/", "u:pw@h", "u:p:pw@h", "u@pw@h"] {
            let words = [word.to_owned(), "80".to_owned()];
            for said in
                [refusal(Endpoint::from_words(&words, Role::Connects)), refusal(CheckTarget::from_words(&words))]
            {
                assert!(said.contains("\"…@h") && !said.contains("pw"), "{said}");
            }
        }
    }

    #[test]
    fn ipv6_addresses_are_refused_with_the_reason() {
        for (text, parts) in [
            ("::1::2", "no IPv6"),
            ("12345::", "no IPv6"),
            ("host:80:90", "no IPv6"),
            ("1:2:3:4:5:6:7:8:80", "write [1:2:3:4:5:6:7:8]:80"),
            ("fe80::1%eth0:80", "write [fe80::1%eth0]:80"),
            ("fe80::1%", "zone & empty"),
            ("fe80::1%a/b", "interface"),
            ("fe80::1%a b", "interface"),
            ("fe80::1%a%b", "interface"),
            ("fe80::1%a\u{7f}", "interface & \\u{7f}"),
            ("fe80::1%abcdefghijklmnop", "15"),
        ] {
            assert_holds(text, &refusal(text.parse::<Host>()), parts);
        }
    }

    #[test]
    fn loose_ipv4_is_refused_by_its_kind() {
        for (text, parts) in [
            ("127.1", "short & write 127.0.0.1"),
            ("10.1.2", "short & write 10.1.0.2"),
            ("2130706433", "decimal & write 127.0.0.1"),
            ("80", "decimal & host before the port"),
            ("4294967296", "decimal & 192.0.2.1"),
            ("99999999999999999999", "decimal"),
            ("0x7f000001", "hexadecimal & write 127.0.0.1"),
            ("0X7F.1", "hexadecimal & write 127.0.0.1"),
            ("1.2.3.0xff", "hexadecimal & write 1.2.3.255"),
            ("0x", "hexadecimal"),
            ("017700000001", "octal"),
            ("010.0.0.1", "octal & 192.0.2.1"),
            ("1.2.3.04", "octal"),
            ("1.2.3.256", "255"),
            ("256.2.3.4", "255"),
            ("1.2.3.4.5", "four numbers"),
            ("1.2.3.4.", "without a dot & write 1.2.3.4"),
            ("example.123", "ends in a number"),
            ("example.0x1f", "ends in a number"),
        ] {
            assert_holds(text, &refusal(text.parse::<Host>()), parts);
        }
    }

    #[test]
    fn ports_are_numbers_or_service_names() {
        let service = |name: &str| Port::Service(name.to_owned());
        for (text, port) in [
            ("0", Port::Number(0)),
            ("80", Port::Number(80)),
            ("0080", Port::Number(80)),
            ("65535", Port::Number(65535)),
            ("http", service("http")),
            ("http-alt", service("http-alt")),
            ("80-http", service("80-http")),
            ("z39.50", service("z39.50")),
            ("whois++", service("whois++")),
        ] {
            assert_eq!(text.parse(), Ok(port), "{text}");
        }
        for (text, parts) in [
            ("", "port is empty"),
            ("65536", "65535"),
            ("99999999999999999999999999", "65535"),
            ("-5", "no port number"),
            ("+80", "no port number"),
            ("8 0", "no port number"),
            ("80-", "no port number"),
            ("٨٠", "no port number"),
            ("a\u{202e}", "no port number & \\u{202e}"),
            ("/run/x", "unix:PATH"),
            ("80-90", "connect --check"),
            ("80,443", "connect --check"),
        ] {
            assert_holds(text, &refusal(text.parse::<Port>()), parts);
        }
        assert!("a".repeat(64).parse::<Port>().is_ok());
        assert_holds("65", &refusal("a".repeat(65).parse::<Port>()), "64");
    }

    #[test]
    fn both_roles_read_the_same_grammar() {
        for (line, shown) in [
            ("example.com 80", "example.com:80 |"),
            ("example.com:80", "example.com:80 |"),
            ("example.com:http", "example.com:http |"),
            ("example.com http DATA more", "example.com:http | DATA more"),
            ("1.2.3.4:53 DATA", "1.2.3.4:53 | DATA"),
            ("::1 80", "[::1]:80 |"),
            ("::1:80 90", "[::1:80]:90 |"),
            ("[::1]:80 DATA", "[::1]:80 | DATA"),
            ("[::1] 80", "[::1]:80 |"),
            ("fe80::1%eth0 80", "[fe80::1%eth0]:80 |"),
            ("[fe80::1%eth0]:80", "[fe80::1%eth0]:80 |"),
            ("unix:/run/x DATA", "unix:/run/x | DATA"),
            ("unix:a:b", "unix:a:b |"),
            ("unix:@name", "unix:@name |"),
        ] {
            assert_eq!(taken(line, Role::Connects), shown);
            assert_eq!(taken(line, Role::Binds), shown);
        }
    }

    #[test]
    fn binding_takes_a_port_alone_and_port_0() {
        for (line, shown) in [
            ("9001", "*:9001 |"),
            ("0", "*:0 |"),
            ("9001 9002", "*:9001 | 9002"),
            (":: 0", "[::]:0 |"),
            ("localhost:0", "localhost:0 |"),
        ] {
            assert_eq!(taken(line, Role::Binds), shown);
        }
        for (line, parts) in [
            ("", "an address is needed & PORT, HOST PORT"),
            ("http", "needed & http:9001 & service name alone needs a host & [::]:http"),
            ("127.0.0.1", "needed & write 127.0.0.1:9001"),
            ("99999", "65535"),
            (":9001", "host & empty & port alone: 9001"),
        ] {
            let said = refusal(Endpoint::from_words(&words(line), Role::Binds));
            assert_holds(line, &said, parts);
        }
    }

    #[test]
    fn connecting_needs_a_host_and_a_port() {
        for (line, parts) in [
            ("", "an address is needed & HOST PORT"),
            ("example.com", "needed & write example.com:80"),
            ("::1", "needed & write [::1]:80"),
            ("::1:443", "needed & [::1:443]:80 & [::1]:443 if its last part"),
            ("[::1]", "needed & write [::1]:80"),
            ("80", "decimal & host before the port"),
            ("example.com 0", "port 0"),
            ("example.com:0", "port 0"),
            ("example.com:", "port is empty"),
            ("example.com 80-90", "connect --check"),
            ("example.com 80,90", "connect --check"),
            ("example.com:80-90", "connect --check"),
            ("[::1]80", "brackets"),
            ("[::1", "brackets"),
            ("[host]:80", "brackets"),
            (":80", "host & empty"),
            ("http://example.com", "sockkit get"),
            ("http://example.com:80/x", "sockkit get"),
            ("unix:", "path is empty"),
            ("unix:@", "abstract name is empty"),
            ("unix:/a\0b", "NUL & \\u{0}"),
        ] {
            let said = refusal(Endpoint::from_words(&words(line), Role::Connects));
            assert_holds(line, &said, parts);
        }
    }

    #[test]
    fn a_whole_address_is_one_word() {
        for text in ["a:80", "[::1]:0", "1.2.3.4:http", "unix:@x", "unix:./@x"] {
            assert_eq!(text.parse::<Endpoint>().expect(text).to_string(), text);
        }
        for (text, parts) in [
            ("80", "HOST:PORT"),
            ("host", "HOST:PORT"),
            ("::1:80", "[::1]:80"),
            ("*:80", "'*'"),
            ("a:b:c", "no IPv6"),
            ("[::1]", "brackets"),
        ] {
            assert_holds(text, &refusal(text.parse::<Endpoint>()), parts);
        }
    }

    #[test]
    fn unix_names_fit_the_socket_address() {
        for mark in ["", "@"] {
            let fits = format!("unix:{mark}{}", "x".repeat(107));
            assert_eq!(fits.parse::<Endpoint>().expect(&fits).to_string(), fits);
            let over = refusal(format!("{fits}x").parse::<Endpoint>());
            assert_holds(mark, &over, "108 bytes & limit is 107");
        }
        let name = UnixName::Abstract(b"a\0\xff\x1b'".to_vec());
        assert_eq!(name.to_string(), "unix:@a\\u{0}\\xff\\u{1b}'");
        let path = UnixName::Path("/run/\u{202e}é\n".into());
        assert_eq!(path.to_string(), "unix:/run/\\u{202e}é\\n");
    }

    #[test]
    fn port_sets_keep_order_and_drop_duplicates() {
        for (text, shown, len) in [
            ("80", "80", 1),
            ("80,443,8000-8010,http", "80,443,8000-8010,http", 14),
            ("80-80", "80", 1),
            ("443,80,443", "443,80", 2),
            ("http,http", "http", 1),
            ("7,5-10", "7,5-6,8-10", 6),
            ("5-10,7", "5-10", 6),
            ("5-7,6-9", "5-7,8-9", 5),
            ("http-alt,80-http", "http-alt,80-http", 2),
            ("0-65535,1-65535", "0-65535", 65536),
        ] {
            let set: PortSet = text.parse().expect(text);
            assert_eq!((set.to_string().as_str(), set.len()), (shown, len));
            assert_eq!(set.iter().count(), len);
            assert!(!set.is_empty());
        }
        let order: Vec<String> =
            ("2,1,http,3-4".parse::<PortSet>().expect("good").iter()).map(|port| port.to_string()).collect();
        assert_eq!(order, ["2", "1", "http", "3", "4"]);
    }

    #[test]
    fn port_sets_are_refused_with_the_reason() {
        for (text, parts) in [
            ("", "empty"),
            ("80,", "empty"),
            (",80", "empty"),
            ("90-80", "backwards & write 80-90"),
            ("80-65536", "\"65536\" & 65535"),
            ("80-", "no port number"),
            ("80-90-100", "no port number"),
            ("80, 443", "\" 443\""),
        ] {
            assert_holds(text, &refusal(text.parse::<PortSet>()), parts);
        }
    }

    #[test]
    fn check_targets_use_every_word() {
        for (line, host, ports) in [
            ("h 80", "h", "80"),
            ("h 80 443 80 8000-8002,http", "h", "80,443,8000-8002,http"),
            ("h:20-25,80", "h", "20-25,80"),
            ("[::1]:20-25", "::1", "20-25"),
            ("::1 20-25", "::1", "20-25"),
            ("fe80::1%eth0 22", "fe80::1%eth0", "22"),
        ] {
            let (host, ports) = (host.parse().expect(host), ports.parse().expect(ports));
            let wanted = CheckTarget::Ports(Targets { host, ports });
            assert_eq!(CheckTarget::from_words(&words(line)), Ok(wanted), "{line}");
        }
        let unix = CheckTarget::Unix(UnixName::Path("/run/x".into()));
        assert_eq!(CheckTarget::from_words(&words("unix:/run/x")), Ok(unix));
        for (line, parts) in [
            ("", "an address is needed"),
            ("h", "port is needed"),
            ("h 0", "port 0"),
            ("h 0-10", "port 0"),
            ("h:80,0", "port 0"),
            ("h 80 90-80", "backwards"),
            ("h:80 443", "\"443\" & nothing may follow"),
            ("unix:/run/x 80", "nothing may follow"),
            ("http://h 80", "sockkit get"),
            (":80", "host & empty"),
        ] {
            assert_holds(line, &refusal(CheckTarget::from_words(&words(line))), parts);
        }
    }

    #[test]
    fn families_choose_addresses() {
        let (v4, v6) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST));
        let allowed = |family: Family| (family.allows(v4), family.allows(v6));
        assert_eq!(allowed(Family::default()), (true, true));
        assert_eq!(allowed(Family::V4), (true, false));
        assert_eq!(allowed(Family::V6), (false, true));
    }

    #[test]
    fn only_a_name_needs_a_lookup() {
        let numeric = |text: &str| text.parse::<Host>().expect(text).is_numeric();
        assert!(numeric("1.2.3.4") && numeric("::1") && Host::Any.is_numeric());
        assert!(!numeric("localhost"));
    }

    fn any_host() -> impl Strategy<Value = Host> {
        let zone = proptest::option::of("[a-z][a-z0-9.@_-]{0,14}");
        prop_oneof![
            "[a-zA-Z0-9_-]{1,20}(\\.[a-z0-9-]{1,9}){0,3}\\.[a-z]{2,9}\\.?".prop_map(Host::Name),
            any::<Ipv4Addr>().prop_map(Host::V4),
            (any::<Ipv6Addr>(), zone).prop_map(|(address, zone)| Host::V6 { address, zone }),
        ]
    }

    fn any_port() -> impl Strategy<Value = Port> {
        prop_oneof![any::<u16>().prop_map(Port::Number), "[a-z][a-z0-9+._-]{0,20}".prop_map(Port::Service),]
    }

    fn any_endpoint() -> impl Strategy<Value = Endpoint> {
        let inet = (any_host(), any_port()).prop_map(|(host, port)| HostPort { host, port });
        prop_oneof![
            inet.prop_map(Endpoint::Inet),
            "[a-z/.][ -~é]{0,50}".prop_map(|p| Endpoint::Unix(UnixName::Path(p.into()))),
            "[ -~é]{1,50}".prop_map(|n| Endpoint::Unix(UnixName::Abstract(n.into()))),
        ]
    }

    /// Noise made of what the grammar is made of, and noise.
    fn any_word() -> impl Strategy<Value = String> {
        let pieces = "(\\[|\\]|:|::|%|\\.|,|-|@|/|unix:|0x|[0-9]{1,3}|65535|fe80|a|é|\u{202e}|\0| ){0,12}";
        prop_oneof![pieces.prop_map(String::from), any::<String>()]
    }

    fn is_one_clean_line(text: &str) -> bool {
        !text.is_empty() && !text.contains(is_hidden)
    }

    proptest! {
        #[test]
        fn what_is_shown_parses_back(endpoint in any_endpoint()) {
            prop_assert_eq!(endpoint.to_string().parse::<Endpoint>(), Ok(endpoint.clone()));
            let words = [endpoint.to_string(), "DATA".to_owned()];
            let taken = Endpoint::from_words(&words, Role::Binds);
            prop_assert_eq!(taken, Ok((endpoint, &words[1..])));
        }

        #[test]
        fn host_and_port_may_be_two_words(host in any_host(), port in any_port()) {
            let words = [host.to_string(), port.to_string()];
            let wanted = Endpoint::Inet(HostPort { host, port });
            prop_assert_eq!(Endpoint::from_words(&words, Role::Binds), Ok((wanted, &words[2..])));
        }

        #[test]
        fn port_sets_parse_back(items in proptest::collection::vec((0..300u16, 0..50u16), 1..20)) {
            let text: Vec<String> = items.iter().map(|(p, n)| format!("{p}-{}", p + n)).collect();
            let set: PortSet = text.join(",").parse().expect("good ranges");
            prop_assert_eq!(set.to_string().parse(), Ok(set.clone()));
            let mut wanted: Vec<Port> = Vec::new();
            for port in items.iter().flat_map(|(p, n)| *p..=p + n).map(Port::Number) {
                if !wanted.contains(&port) {
                    wanted.push(port);
                }
            }
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), wanted);
        }

        #[test]
        fn nothing_panics_and_every_error_is_one_clean_line(
            words in proptest::collection::vec(any_word(), 0..4),
            text in any_word(),
        ) {
            let errors = [
                Endpoint::from_words(&words, Role::Connects).err(),
                Endpoint::from_words(&words, Role::Binds).err(),
                CheckTarget::from_words(&words).err(),
                text.parse::<Host>().err(),
                text.parse::<Port>().err(),
                text.parse::<PortSet>().err(),
                text.parse::<Endpoint>().err(),
            ];
            for error in errors.into_iter().flatten() {
                prop_assert!(is_one_clean_line(&error.to_string()), "{error:?}");
            }
        }

        #[test]
        fn hosts_parse_back(text in any_word()) {
            if let Ok(host) = text.parse::<Host>() {
                prop_assert_eq!(host.to_string().parse(), Ok(host));
            }
        }
    }
}
