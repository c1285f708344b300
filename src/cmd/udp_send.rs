//! `udp-send`: datagrams, UDP or UNIX, from the command line or standard input; replies to standard output.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use clap::Args as ClapArgs;

use super::{in_context, open_output, udp_check};
use crate::address::{Endpoint, Role};
use crate::error::Error;
use crate::net::SocketConfig;
use crate::opts::address::{FamilyArgs, SourceArgs, given, refuse_for_unix};
use crate::opts::limits::{ConnectLimitArgs, LimitArgs};
use crate::opts::relay::OutputArgs;
use crate::opts::socket::SocketArgs;
use crate::opts::values::{duration, size};
use crate::opts::verdict::VerdictArgs;
use crate::report::Voice;
use crate::serve::cutter::Framing;
use crate::serve::place::{How, send_to};
use crate::serve::sender::{Data, Repeat, Sender};
use crate::stream::stdio::{Input, InputKind, Output, Stdio};

/// Options of `udp-send`.
#[derive(ClapArgs, Clone, Debug)]
#[command(mut_arg("output", |arg| arg.help("Write the replies to FILE instead of stdout").requires("wait")))]
#[command(mut_arg("timeout", |arg| arg.help("Give up when a lookup takes longer, or when nothing has moved for this long")))]
#[command(mut_arg("connect_timeout", |arg| arg.help("Give up when the lookup takes longer [default: -w, else 30 s]")))]
pub struct Args {
    /// HOST PORT, HOST:PORT, [V6]:PORT or unix:PATH, and then DATA: each one datagram, nothing added. Without DATA
    /// stdin is sent: as one datagram, or on a terminal one a line
    #[arg(value_name = "ADDRESS DATA", required = true)]
    words: Vec<OsString>,
    /// One datagram for each line of stdin, without its newline
    #[arg(long, conflicts_with = "size")]
    lines: bool,
    /// One datagram for each N bytes of stdin
    #[arg(long, value_name = "N", value_parser = size)]
    size: Option<usize>,
    /// Send all of it N times (stdin is read to its end first); 0 is until ctrl-C, and needs --interval
    #[arg(long, value_name = "N", default_value_t = 1, hide_default_value = true)]
    count: u64,
    /// The pause between two times
    #[arg(long, value_name = "DUR", value_parser = duration, requires = "count")]
    interval: Option<Duration>,
    /// Print the replies until DUR after the last datagram; none at all is an error (28)
    #[arg(long, value_name = "DUR", value_parser = duration)]
    wait: Option<Duration>,
    /// Allow a broadcast address; replies from everybody count
    #[arg(long)]
    broadcast: bool,
    #[command(flatten)]
    verdict: VerdictArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    connect_limit: ConnectLimitArgs,
    #[command(flatten)]
    family: FamilyArgs,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    socket: SocketArgs,
}

/// Sends what is to be sent, and prints the replies.
pub fn run(args: &Args, voice: &Voice) -> anyhow::Result<()> {
    if let Some(wanted) = args.verdict.wanted() {
        let errand = udp_check::errand(&args.texts(), wanted)?;
        return in_context(voice, args.limits.timeouts().deadline, |ctx| {
            udp_check::run(ctx, voice, &errand, &args.how(), &args.verdict)
        });
    }
    let (endpoint, data) = args.words()?;
    args.check(data)?;
    refuse_for_unix(&endpoint, args.inet_only())?;
    in_context(voice, args.limits.timeouts().deadline, |ctx| {
        let output = if args.wait.is_some() { open_output(ctx, &args.output)? } else { Output::Discard };
        let local = Stdio::open(if data.is_empty() { Input::Stdin } else { Input::Nothing }, output)?;
        let sender = args.sender(data, local.input_kind())?;
        let target = send_to(ctx, &endpoint, &args.how(), args.wait.is_some())?;
        sender.run(ctx, &target, local)
    })
}

impl Args {
    /// The address, and the words after it, which may be any bytes.
    fn words(&self) -> Result<(Endpoint, &[OsString]), Error> {
        let texts = self.texts();
        let (endpoint, rest) = Endpoint::from_words(&texts, Role::Connects).map_err(Error::usage)?;
        Ok((endpoint, &self.words[texts.len() - rest.len()..]))
    }

    fn texts(&self) -> Vec<String> {
        self.words.iter().map(|word| word.to_string_lossy().into_owned()).collect()
    }

    /// Options that would be ignored, and a size that cuts nothing.
    fn check(&self, data: &[OsString]) -> Result<(), Error> {
        let of_stdin = given([("--lines", self.lines), ("--size", self.size.is_some())]).next();
        match of_stdin.filter(|_| !data.is_empty()) {
            Some(option) => {
                return Err(Error::usage(format!("{option} is about stdin, which is not read when DATA is given")));
            }
            None if self.size == Some(0) => return Err(Error::usage("--size 0 cuts nothing")),
            None => {}
        }
        if self.count == 0 && self.interval.is_none_or(|pause| pause.is_zero()) {
            return Err(Error::usage("--count 0 sends for ever, and needs an --interval"));
        }
        Ok(())
    }

    fn sender(&self, data: &[OsString], input: InputKind) -> Result<Sender, Error> {
        Ok(Sender {
            data: if data.is_empty() { Data::Input(self.framing(input)?) } else { Data::Given(bytes(data)) },
            repeat: Repeat {
                count: (self.count > 0).then_some(self.count),
                interval: self.interval.unwrap_or_default(),
            },
            wait: self.wait,
            idle: self.limits.timeouts().idle,
        })
    }

    /// A job of cron or systemd has /dev/null as its stdin: an empty datagram from there would be an accident.
    fn framing(&self, input: InputKind) -> Result<Framing, Error> {
        match (self.lines, self.size, input) {
            (.., InputKind::Absent) => Err(Error::usage("nothing to send: no DATA, and stdin is closed or /dev/null")
                .hint("'' as DATA is an empty datagram")),
            (true, ..) | (false, None, InputKind::Terminal) => Ok(Framing::Lines),
            (_, Some(size), _) => Ok(Framing::Size(size)),
            _ => Ok(Framing::Whole),
        }
    }

    fn how(&self) -> How {
        let config = SocketConfig { broadcast: self.broadcast, ..self.source.with(self.socket.config()) };
        let limit = self.connect_limit.with(self.limits.timeouts()).connect;
        How { lookup: self.family.lookup(true), config, limit }
    }

    fn inet_only(&self) -> impl Iterator<Item = &'static str> {
        let addresses = self.family.inet_only().chain(self.source.inet_only());
        addresses.chain(self.socket.inet_only()).chain(given([("--broadcast", self.broadcast)]))
    }
}

fn bytes(data: &[OsString]) -> Vec<Vec<u8>> {
    data.iter().map(OsString::as_os_str).map(OsStr::as_bytes).map(<[u8]>::to_vec).collect()
}
