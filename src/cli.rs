//! The command line as a whole. No behaviour: that is in `cmd`.

use clap::{Parser, Subcommand};

use crate::cmd::{connect, generate, listen, udp_recv, udp_send};
use crate::opts::voice::VoiceArgs;

/// The netcat that scripts can trust.
#[derive(Parser, Debug)]
#[command(name = "sockkit", version, about, max_term_width = 100, arg_required_else_help = true)]
#[command(args_conflicts_with_subcommands = false, subcommand_negates_reqs = true)]
pub struct Cli {
    /// What is said about the work.
    #[command(flatten)]
    pub voice: VoiceArgs,
    /// Print a completion script or a man page
    #[arg(long, value_name = "KIND", exclusive = true)]
    pub generate: Option<generate::Kind>,
    /// The verb.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The verbs.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Wait for a client, and connect stdin and stdout to it
    Listen(Box<listen::Args>),
    /// Connect to a server, and stdin and stdout through it
    Connect(Box<connect::Args>),
    /// Send datagrams, and print the replies
    UdpSend(Box<udp_send::Args>),
    /// Receive datagrams to stdout
    UdpRecv(Box<udp_recv::Args>),
}
