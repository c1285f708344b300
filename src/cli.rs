//! The command line as a whole. No behaviour: that is in `cmd`.

use clap::{Parser, Subcommand};

use crate::cmd::verb::Verb;
use crate::cmd::{connect, echo_server, examples, generate, get, listen, udp_recv, udp_send};
use crate::opts::voice::VoiceArgs;

/// The netcat that scripts can trust.
#[derive(Parser, Debug)]
#[command(name = "sockkit", version, about, max_term_width = 100, arg_required_else_help = true)]
#[command(disable_help_subcommand = true, after_long_help = examples::help(""))]
pub struct Cli {
    /// What is said about the work.
    #[command(flatten)]
    pub voice: VoiceArgs,
    /// Print a completion script or a man page
    #[arg(long, value_name = "KIND", exclusive = true, value_parser = generate::kinds())]
    pub generate: Option<String>,
    /// The verb.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The verbs.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Wait for a client, and connect stdin and stdout to it
    #[command(after_long_help = examples::help("listen"))]
    Listen(Verb<listen::Args>),
    /// Connect to a server, and stdin and stdout through it
    #[command(after_long_help = examples::help("connect"))]
    Connect(Verb<connect::Args>),
    /// Send datagrams, and print the replies
    #[command(after_long_help = examples::help("udp-send"))]
    UdpSend(Verb<udp_send::Args>),
    /// Receive datagrams to stdout
    #[command(after_long_help = examples::help("udp-recv"))]
    UdpRecv(Verb<udp_recv::Args>),
    /// Fetch a URL over HTTP, and check that it came whole
    #[command(after_long_help = examples::help("get"))]
    Get(Verb<get::Args>),
    /// Give back what comes, to many clients at once
    #[command(after_long_help = examples::help("echo-server"))]
    EchoServer(Verb<echo_server::Args>),
}
