//! `--stats`.

use clap::Args;

/// Whether the account of the session is wanted at its end.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Session")]
pub struct AccountArgs {
    /// Say at the end, even with -q, what the session was: addresses, times, bytes and rates, who closed first, what
    /// was acknowledged, TCP's own figures; SIGUSR1 asks for it at any time, and -v includes it
    #[arg(long)]
    pub stats: bool,
}
