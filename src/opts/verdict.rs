//! `--check` and `--mtu`: what becomes of a question by datagram, and how large one may be.

use clap::Args;

use super::probe::PAYLOAD;

/// What is about a group and not about one program.
const OF_GROUPS: [&str; 3] = ["broadcast", "multicast_interface", "no_multicast_loop"];

/// Verdicts on ports and paths.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Verdicts")]
pub struct VerdictArgs {
    /// Only check: ask each port, by --probe or with an empty datagram, and tell on stdout what came back; PORT may be a
    /// list such as 53,123,5000-5010
    ///
    /// open: an answer came (0). closed: the port is unreachable, says the target (7). filtered: unreachable or
    /// prohibited, says somebody on the way (7). no route: this host has no way there (7). open or filtered: nothing came
    /// within -w, over all --tries (28). 1 if some of several are not open. Hosts limit the ICMP messages that they send,
    /// Linux to one a second: then the ports are asked one at a time, and -w is for each in its turn.
    #[arg(short = 'z', long, conflicts_with = "mtu", conflicts_with_all = PAYLOAD, conflicts_with_all = OF_GROUPS)]
    check: bool,
    /// Find the largest datagram that reaches an echo service unfragmented, and say who limits it
    #[arg(long, conflicts_with_all = ["probe", "probe_data"], conflicts_with_all = PAYLOAD, conflicts_with_all = OF_GROUPS)]
    mtu: bool,
}

/// What is to be found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// What becomes of a question to each port.
    Check,
    /// How large a datagram may be.
    Mtu,
}

impl VerdictArgs {
    /// What is to be found out, if anything.
    pub fn wanted(self) -> Option<Wanted> {
        match (self.check, self.mtu) {
            (true, _) => Some(Wanted::Check),
            (_, true) => Some(Wanted::Mtu),
            _ => None,
        }
    }
}
