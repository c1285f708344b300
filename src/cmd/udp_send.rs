//! `udp-send`: datagrams, UDP or UNIX, from the command line or standard input; replies to standard output. Or probes
//! (--ping), or a chat.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use clap::{ArgGroup, Args as ClapArgs};

use super::{in_context, open_output, ping, probe, udp_check};
use crate::address::{Endpoint, Role};
use crate::error::Error;
use crate::net::SocketConfig;
use crate::opts::address::{FamilyArgs, SourceArgs, given, refuse_for_unix};
use crate::opts::chat::ChatArgs;
use crate::opts::limits::{ConnectLimitArgs, LimitArgs};
use crate::opts::multicast::MulticastArgs;
use crate::opts::pace::{PACED, PaceArgs};
use crate::opts::ping::plan;
use crate::opts::prefix::PrefixArg;
use crate::opts::probe::ProbeArgs;
use crate::opts::relay::OutputArgs;
use crate::opts::socket::SocketArgs;
use crate::opts::values::{Bytes, duration, pattern, size};
use crate::opts::verdict::VerdictArgs;
use crate::proto::probe::Probe;
use crate::report::Voice;
use crate::serve::chat::Chat;
use crate::serve::cutter::Framing;
use crate::serve::ping::Plan;
use crate::serve::place::{How, send_to};
use crate::serve::sender::{Data, Repeat, Sender};
use crate::stream::stdio::{Input, InputKind, Output, Stdio};

/// The group of the options that make an interval mean something.
const REPEATED: &str = "repeated";

/// The group of the options that say where stdin is cut.
const FRAMED: &str = "framed";

/// The group of the options that make replies come.
const ANSWERED: &str = "answered";

/// Options of `udp-send`.
#[derive(ClapArgs, Clone, Debug)]
#[command(group = ArgGroup::new(ANSWERED).args(["wait", "interactive"]).multiple(true))]
#[command(mut_arg("output", |arg| arg.help("Write the replies to FILE instead of stdout").requires(ANSWERED)))]
#[command(mut_arg("interactive", |arg| arg.help(INTERACTIVE).long_help(INTERACTIVE_IN_FULL).conflicts_with_all([FRAMED, PACED, "count", "interval", "ping"])))]
#[command(mut_arg("exit_word", |arg| arg.help("End the chat when a typed line is exactly WORD, which is not sent; can be given more than once")))]
#[command(mut_arg("timeout", |arg| arg.help("Give up when a lookup takes longer, or when nothing has moved for this long; with --ping, how long an answer may take")))]
#[command(mut_arg("connect_timeout", |arg| arg.help("Give up when the lookup takes longer [default: -w, else 30 s]")))]
#[command(group = ArgGroup::new(REPEATED).args(["count", "ping"]).multiple(true))]
pub struct Args {
    /// HOST PORT, HOST:PORT, [V6]:PORT or unix:PATH, and then DATA: each one datagram, nothing added. Without DATA
    /// stdin is sent: as one datagram, or on a terminal one a line
    #[arg(value_name = "ADDRESS DATA", required = true)]
    words: Vec<OsString>,
    /// One datagram for each line of stdin, without its newline
    #[arg(long, group = FRAMED)]
    lines: bool,
    /// One datagram for each N bytes of stdin; with --ping, bytes of a probe [64]
    #[arg(long, value_name = "N", value_parser = size, group = FRAMED)]
    size: Option<usize>,
    /// One datagram for each piece of stdin that TEXT ends, without it; \n, \xNN and so on are bytes
    #[arg(long, value_name = "TEXT", value_parser = pattern, group = FRAMED)]
    separator: Option<Bytes>,
    /// One datagram for each length and so many bytes of stdin: the borders that udp-recv --length-prefix keeps
    #[arg(long, value_name = "TYPE", group = FRAMED)]
    length_prefix: Option<PrefixArg>,
    /// Send all of it N times (stdin is read to its end first); 0 is until ctrl-C, and needs --interval or a pace; with
    /// --ping,
    /// end after N probes [until ctrl-C]
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// The pause between two times; with --ping, from one probe to the next [1 s], with 0 once the last has come back or
    /// has had its time
    #[arg(long, value_name = "DUR", value_parser = duration, requires = REPEATED)]
    interval: Option<Duration>,
    /// Measure an echo service: send probes, print the round trip of each answer and then a summary; with -q the
    /// summary alone
    ///
    /// Ends with 0 if every probe came back as it was sent, or at ctrl-C without --count once one has; 1 if some were
    /// lost or corrupted; 28 if none came back within -w (2 s without it), 7 if nobody receives there, 8 if something
    /// else came. Percentiles are nearest-rank; jitter is the mean difference between one round trip and the next.
    /// SIGUSR1 asks for the summary so far.
    #[arg(long, conflicts_with_all = ["lines", "separator", "length_prefix", PACED, "wait", "output", "force"])]
    ping: bool,
    /// Print the replies until DUR after the last datagram; none at all is an error (28)
    #[arg(long, value_name = "DUR", value_parser = duration)]
    wait: Option<Duration>,
    /// With --wait, end (0) as soon as N replies have come and all is sent (with --count 0 even before); fewer by the end
    /// of --wait are an error (28)
    #[arg(long, value_name = "N", requires = "wait", conflicts_with = "interactive", value_parser = clap::value_parser!(u64).range(1..))]
    replies: Option<u64>,
    /// Allow a broadcast address; replies from everybody count
    #[arg(long)]
    broadcast: bool,
    #[command(flatten)]
    pace: PaceArgs,
    #[command(flatten)]
    chat: ChatArgs,
    #[command(flatten)]
    probe: ProbeArgs,
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
    #[command(flatten)]
    multicast: MulticastArgs,
}

/// Sends what is to be sent, and prints the replies.
pub fn run(args: &Args, voice: &Voice) -> anyhow::Result<()> {
    if let Some(wanted) = args.verdict.wanted() {
        let errand = udp_check::errand(&args.texts(), wanted, &args.probe)?;
        let limits = args.limits.timeouts();
        return in_context(voice, limits.deadline, |ctx| udp_check::run(ctx, voice, &errand, &args.how(), limits.idle));
    }
    if let Some(probe) = args.probe.probe() {
        return args.ask(probe, voice);
    }
    let (endpoint, data) = args.words()?;
    args.check(data)?;
    refuse_for_unix(&endpoint, args.inet_only())?;
    if args.ping {
        return in_context(voice, args.limits.timeouts().deadline, |ctx| {
            ping::with_datagrams(ctx, voice, args.plan(), || send_to(ctx, &endpoint, &args.how(), true))
        });
    }
    in_context(voice, args.limits.timeouts().deadline, |ctx| {
        let wants_answers = args.wait.is_some() || args.chat.is_interactive();
        let output = if wants_answers { open_output(ctx, &args.output)? } else { Output::Discard };
        let local = Stdio::open(if data.is_empty() { Input::Stdin } else { Input::Nothing }, output)?;
        if let Some(chat) = args.chat(local.input_kind())? {
            return chat.with_peer(ctx, &send_to(ctx, &endpoint, &args.how(), wants_answers)?, local);
        }
        let sender = args.sender(data, local.input_kind())?;
        let target = send_to(ctx, &endpoint, &args.how(), wants_answers)?;
        sender.run(ctx, &target, local)
    })
}

impl Args {
    /// One question and its answer, instead of datagrams.
    fn ask(&self, probe: Probe, voice: &Voice) -> anyhow::Result<()> {
        let endpoint = probe::endpoint(&self.words, &probe)?;
        refuse_for_unix(&endpoint, self.inet_only())?;
        let limits = self.limits.timeouts();
        let asker = probe::asker(probe, &self.probe, limits.idle);
        in_context(voice, limits.deadline, |ctx| {
            let target = send_to(ctx, &endpoint, &self.how(), true)?;
            probe::run(ctx, voice, &target, &asker)
        })
    }

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
        if self.chat.is_interactive() && !data.is_empty() {
            return Err(Error::usage("--interactive sends what is typed, and takes no DATA"));
        }
        match data {
            [] if self.ping => return Ok(()),
            _ if self.ping => return Err(Error::usage("--ping makes its own probes, and takes no DATA")),
            _ => {}
        }
        let of_stdin = given([
            ("--lines", self.lines),
            ("--size", self.size.is_some()),
            ("--separator", self.separator.is_some()),
            ("--length-prefix", self.length_prefix.is_some()),
        ])
        .next();
        match of_stdin.filter(|_| !data.is_empty()) {
            Some(option) => {
                return Err(Error::usage(format!("{option} is about stdin, which is not read when DATA is given")));
            }
            None if self.size == Some(0) => return Err(Error::usage("--size 0 cuts nothing")),
            None => {}
        }
        let pauses = self.interval.is_some_and(|pause| !pause.is_zero()) || self.pace.pacing().is_some();
        if self.count == Some(0) && !pauses {
            return Err(Error::usage("--count 0 sends for ever, and needs an --interval, or --rate or --pps"));
        }
        Ok(())
    }

    /// The chat that is asked for. Without an input there would be nothing to wait for.
    fn chat(&self, input: InputKind) -> Result<Option<Chat>, Error> {
        if self.chat.is_interactive() && input == InputKind::Absent {
            return Err(Error::usage("--interactive sends what is typed, and stdin is closed or /dev/null"));
        }
        Ok(self.chat.chat(self.wait, self.limits.timeouts().idle))
    }

    fn sender(&self, data: &[OsString], input: InputKind) -> Result<Sender, Error> {
        Ok(Sender {
            data: if data.is_empty() { Data::Input(self.framing(input)?) } else { Data::Given(bytes(data)) },
            repeat: Repeat {
                count: Some(self.count.unwrap_or(1)).filter(|&count| count > 0),
                interval: self.interval.unwrap_or_default(),
            },
            pacing: self.pace.pacing(),
            widens_buffer: !self.socket.has_send_buffer(),
            wait: self.wait,
            replies: self.replies,
            idle: self.limits.timeouts().idle,
        })
    }

    fn plan(&self) -> Plan {
        plan(self.count.filter(|&count| count > 0), self.interval, self.size, self.limits.timeouts())
    }

    /// A job of cron or systemd has /dev/null as its stdin: an empty datagram from there would be an accident.
    fn framing(&self, input: InputKind) -> Result<Framing, Error> {
        match (&self.separator, self.length_prefix, self.size) {
            _ if input == InputKind::Absent => {
                Err(Error::usage("nothing to send: no DATA, and stdin is closed or /dev/null")
                    .hint("'' as DATA is an empty datagram"))
            }
            (Some(separator), ..) => Ok(Framing::Separator(separator.0.clone())),
            (_, Some(prefix), _) => Ok(Framing::Prefix(prefix.into())),
            (.., Some(size)) => Ok(Framing::Size(size)),
            _ if self.lines || input == InputKind::Terminal => Ok(Framing::Lines),
            _ => Ok(Framing::Whole),
        }
    }

    fn how(&self) -> How {
        let config = self.multicast.with(self.source.with(self.socket.config()));
        let config = SocketConfig { broadcast: self.broadcast, ..config };
        let limit = self.connect_limit.with(self.limits.timeouts()).connect;
        How { lookup: self.family.lookup(true), config, limit }
    }

    fn inet_only(&self) -> impl Iterator<Item = &'static str> {
        let addresses = self.family.inet_only().chain(self.source.inet_only());
        let socket = self.socket.inet_only().chain(self.multicast.inet_only());
        addresses.chain(socket).chain(given([("--broadcast", self.broadcast)]))
    }
}

fn bytes(data: &[OsString]) -> Vec<Vec<u8>> {
    data.iter().map(OsString::as_os_str).map(OsStr::as_bytes).map(<[u8]>::to_vec).collect()
}

const INTERACTIVE: &str = "Chat: send each typed line, show each answer as a line; the end of the input ends it";

const INTERACTIVE_IN_FULL: &str = "Chat: send each typed line as one datagram without its newline, show each answer as a line \
    with what a terminal could obey escaped

On a terminal, ctrl-D ends it at once. Elsewhere, or with --wait, the end of the input waits for the answers that are \
missing: until as many have come as lines were sent, or nothing has been said for --wait (2 s). A line that is refused or too \
large is told and the chat goes on; at its end the code is 7 if nothing has come since a refusal, 55 if a line could not be sent, 28 if --wait was \
given and no answer came.";
